/** The fleet's sums. */

import type { Snapshot } from '../src/hub/protocol.ts';

export function Totals({ totals }: Pick<Snapshot, 'totals'>) {
  const { connections, pods, filling, saturated } = totals;
  return (
    <dl class="totals">
      <Sum name="connections" value={connections} />
      <Sum name="pods" value={pods} />
      <Sum name="filling" value={filling} />
      <Sum name="saturated" value={saturated} />
    </dl>
  );
}

function Sum({ name, value }: { name: string; value: number }) {
  return (
    <div class={value > 0 ? name : ''}>
      <dt>{name}</dt>
      <dd>{value.toLocaleString()}</dd>
    </div>
  );
}
