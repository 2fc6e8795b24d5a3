/** Who changed what in the fleet, the newest first. */

import type { Api } from '../src/client/api.ts';
import type { AuditBody, AuditEntryBody } from '../src/http/bodies.ts';
import { hrefOf } from './route.ts';
import { Scroll } from './scroll.tsx';
import { dayAndTime } from './time.ts';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 1000;
const SHOWN = 200;

/** `change`: differs when the fleet may have changed. */
export function Audit({ api, change }: { api: Api; change: string }) {
  const { value, problem } = usePaced<AuditBody>(READ_EVERY_MS, '', change, () => api.audit(SHOWN));
  return (
    <section>
      <h1 tabIndex={-1}>Audit trail</h1>
      {problem !== undefined && <p class="problem">{problem}</p>}
      {value?.entries.length === 0 && <p>Nobody has changed anything.</p>}
      {value && value.entries.length > 0 && (
        <Scroll label="Audit trail">
          <table class="audit">
            <caption class="hidden">Who changed what</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">By</th>
                <th scope="col">Action</th>
                <th scope="col">Pod</th>
                <th scope="col">Details</th>
              </tr>
            </thead>
            <tbody>
              {value.entries.map((entry) => (
                <Row key={JSON.stringify(entry)} entry={entry} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Row({ entry: { time, by, action, pod, reason, ...details } }: { entry: AuditEntryBody }) {
  const words = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  return (
    <tr>
      <td>
        <time dateTime={time}>{dayAndTime(time)}</time>
      </td>
      <td>{by}</td>
      <td>{action}</td>
      <td>{pod === undefined ? '–' : <a href={hrefOf({ view: 'pod', pod })}>{pod}</a>}</td>
      <td>{[...words, ...(reason === undefined ? [] : [reason])].join(', ')}</td>
    </tr>
  );
}
