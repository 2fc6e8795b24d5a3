/** Says what decides upgrades while the store does not, and how long that lasts still. */

import { useEffect, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 1000;

const WHY: Readonly<Record<Exclude<Snapshot['store'], 'up'>, string>> = {
  recovering: 'The store recovers: it may have lost connections, and the figures here may be too low.',
  down: 'The store does not answer.',
};

export function Notice({ api, store }: { api: Api; store: Exclude<Snapshot['store'], 'up'> }) {
  const [second, setSecond] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSecond((before) => before + 1), READ_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const { value } = usePaced(READ_EVERY_MS, store, second, () => api.readiness());
  const left = value?.recoverySeconds ?? null;
  // What counts down is not said anew each second.
  return (
    <div class="notice">
      <p role="status" aria-label="Upgrades">
        {WHY[store]} {value && `Until it decides again, ${value.checks.upgrades}. Who is refused gets a 503.`}
      </p>
      {left !== null && <p>{left === 1 ? 'One more second.' : `Another ${left} seconds.`}</p>}
    </div>
  );
}
