/** The fleet's gates: which version each is, and for how long it has run. */

import type { Api } from '../src/client/api.ts';
import type { GateBody, GatesBody } from '../src/http/bodies.ts';
import { Scroll } from './scroll.tsx';
import { dayAndTime } from './time.ts';
import { uptime } from './uptime.ts';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 5000;

/** `change`: differs when the fleet may have changed. */
export function GatesTable({ api, change }: { api: Api; change: string }) {
  const { value } = usePaced<GatesBody>(READ_EVERY_MS, '', change, () => api.gates());
  if (!value) return null;
  return (
    <Scroll label="Gates">
      <table class="figures">
        <caption>Gates</caption>
        <thead>
          <tr>
            <th scope="col">Gate</th>
            <th scope="col">Version</th>
            <th scope="col">Up for</th>
          </tr>
        </thead>
        <tbody>
          {value.gates.map((gate) => (
            <tr key={gate.name}>
              <th scope="row" title={gate.name}>
                {gate.name}
              </th>
              <td>{gate.version ?? 'not told'}</td>
              <td title={gate.started_at === null ? '' : `since ${dayAndTime(gate.started_at)}`}>
                {stateOf(gate, value.time)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function stateOf({ silent, last_seen, started_at }: GateBody, time: string): string {
  if (silent) return `silent since ${dayAndTime(last_seen)}`;
  return started_at === null ? 'not told' : uptime(Date.parse(time) - Date.parse(started_at));
}
