/** What somebody has decided about a pod, and what one can do with it: its limit, a cordon, a drain, closing connections. */

import { useRef, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { LimitBody } from '../src/http/bodies.ts';
import { wordsOf } from '../src/http/override-words.ts';
import { AskDialog, NumberField, numberIn, ReasonField, reasonIn } from './ask-dialog.tsx';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 500;
const RATE = { min: 1, max: 1000, value: 100 };
const CONNECTIONS_MAX = 1_000_000;
const CLOSE_MAX = 10_000;

interface PodControlsProps {
  readonly api: Api;
  readonly pod: string;
  /** Differs when the pod may have changed. */
  readonly change: string;
}

type Asked = 'limit' | 'drain' | 'close';

export function PodControls({ api, pod, change }: PodControlsProps) {
  const [asked, setAsked] = useState<Asked>();
  const [outcome, setOutcome] = useState('');
  const [done, setDone] = useState(0);
  const outcomeLine = useRef<HTMLParagraphElement>(null);
  const { value, problem } = usePaced<LimitBody>(READ_EVERY_MS, pod, `${change} ${done}`, () => api.limit(pod));

  const act = async (action: Promise<unknown>, says: (answer: never) => string) => {
    try {
      setOutcome(says((await action) as never));
    } catch (error) {
      setOutcome(`Not done: ${error instanceof Error ? error.message : error}`);
    }
    setDone((before) => before + 1);
    outcomeLine.current?.focus(); // the button that had the focus may be gone
  };

  if (!value) return problem === undefined ? null : <p class="problem">{problem}</p>;
  const { limit, configured, overrides } = value;
  const cordon = overrides.find(({ kind }) => kind === 'cordon');
  const drain = cordon?.drain;
  const isLimited = overrides.some(({ kind }) => kind === 'limit');
  const close = () => setAsked(undefined);
  return (
    <section class="decided" aria-label="Decided">
      {overrides.length > 0 && (
        <ul>
          {overrides.map((override) => (
            <li key={override.kind}>{wordsOf(override)}</li>
          ))}
          {limit !== configured && <li class="quiet">the configuration says {configured}</li>}
        </ul>
      )}
      <p class="controls">
        <button type="button" onClick={() => setAsked('limit')}>
          Set the limit
        </button>
        {isLimited && (
          <button type="button" onClick={() => act(api.deleteLimit(pod), () => 'The limit is as configured.')}>
            Take the limit back
          </button>
        )}
        {cordon ? (
          <button type="button" onClick={() => act(api.uncordon(pod), () => 'It takes new connections again.')}>
            Uncordon
          </button>
        ) : (
          <button type="button" onClick={() => act(api.cordon(pod), () => 'It takes no new connections.')}>
            Cordon
          </button>
        )}
        {drain && drain.done === null ? (
          <button type="button" onClick={() => act(api.stopDrain(pod), () => 'No more connections are closed.')}>
            Stop the drain
          </button>
        ) : (
          <button type="button" onClick={() => setAsked('drain')}>
            Drain
          </button>
        )}
        <button type="button" onClick={() => setAsked('close')}>
          Close connections
        </button>
      </p>
      <p role="status" aria-label="Done" ref={outcomeLine} tabIndex={-1}>
        {outcome}
      </p>
      {asked === 'limit' && (
        <AskDialog
          title={`The limit of ${pod}`}
          action="Set the limit"
          close={close}
          confirm={(fields) =>
            void act(
              api.setLimit(pod, { connections: numberIn(fields, 'connections'), ...reasonIn(fields) }),
              limitWords,
            )
          }
        >
          <p>It holds at every gate at once, until it is taken back. Connections beyond it stay open.</p>
          <NumberField label="Connections" name="connections" min={0} max={CONNECTIONS_MAX} value={limit} />
          <ReasonField />
        </AskDialog>
      )}
      {asked === 'drain' && (
        <AskDialog
          title={`Drain ${pod}?`}
          action="Drain"
          isFinal
          close={close}
          confirm={(fields) =>
            void act(api.drain(pod, { rate: numberIn(fields, 'rate'), ...reasonIn(fields) }), () => 'It drains.')
          }
        >
          <p>
            It takes no new connections, and those that a gate holds a stream for (the hold door) are closed. What is
            closed stays closed; the rest can be stopped.
          </p>
          <NumberField label="Closed each second" name="rate" {...RATE} />
          <ReasonField />
        </AskDialog>
      )}
      {asked === 'close' && (
        <AskDialog
          title={`Close connections of ${pod}?`}
          action="Close the oldest"
          isFinal
          close={close}
          confirm={(fields) => {
            const crowd = { pod, oldest: numberIn(fields, 'oldest'), rate: numberIn(fields, 'rate') };
            void act(api.closeMany({ ...crowd, reason: 'closed_on_the_page' }), closeWords);
          }}
        >
          <p>
            The oldest are closed, if a gate holds a stream for them (the hold door). Their clients may connect again.
          </p>
          <NumberField label="How many" name="oldest" min={1} max={CLOSE_MAX} value={1} />
          <NumberField label="Closed each second" name="rate" {...RATE} />
        </AskDialog>
      )}
    </section>
  );
}

function limitWords({ limit }: LimitBody): string {
  return `The limit is ${limit}.`;
}

function closeWords({ asked, seconds, unheld }: Awaited<ReturnType<Api['closeMany']>>): string {
  const others = unheld === 0 ? '' : ` ${unheld} others stay open: no stream holds them.`;
  return `${asked} are closed within ${seconds} s.${others}`;
}
