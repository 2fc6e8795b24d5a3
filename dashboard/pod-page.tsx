/** One pod: how full it is, and who holds its slots. */

import type { Api } from '../src/client/api.ts';
import { ConnectionsTable } from './connections-table.tsx';
import { lastChangeOf } from './event-log.ts';
import type { View } from './fleet.ts';
import type { PodFigures } from './merge.ts';
import { Meter } from './meter.tsx';
import { Sparkline } from './sparkline.tsx';
import { spanName, useHistory } from './use-history.ts';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 1000;

interface PodPageProps {
  readonly api: Api;
  readonly name: string;
  readonly view: View;
}

export function PodPage({ api, name, view: { figures, events } }: PodPageProps) {
  const listed = figures?.pods.find(({ pod }) => pod === name);
  const change = `${figures?.timestamp} ${lastChangeOf(name, events)}`;
  const unlisted = useUnlistedPod(api, name, listed ? undefined : change);
  const pod = listed ?? unlisted;
  const history = useHistory(api, [name]);
  return (
    <article class="pod">
      <h1 tabIndex={-1}>{name}</h1>
      {pod && (
        <>
          <div class={`figure ${pod.level}`}>
            <p>
              <b>
                {pod.connections} of {pod.limit}
              </b>{' '}
              {pod.level !== 'normal' && <span class={`level ${pod.level}`}>{pod.level}</span>}
            </p>
            <Meter {...pod} />
            <Sparkline
              counts={[...(history.pods[name] ?? []), pod.connections]}
              limit={pod.limit}
              span={spanName(history)}
            />
          </div>
          <ProxiesOf pod={pod} />
        </>
      )}
      <ConnectionsTable api={api} pod={name} change={change} />
    </article>
  );
}

function ProxiesOf({ pod: { proxies } }: { pod: PodFigures }) {
  const held = Object.entries(proxies).sort(([, a], [, b]) => b - a);
  if (held.length === 0) return null;
  return (
    <p class="held">
      {held.slice(0, 20).map(([proxy, count]) => (
        <span key={proxy}>
          {proxy} <b>{count}</b>
        </span>
      ))}
      {held.length > 20 && <span class="quiet">and {held.length - 20} others</span>}
    </p>
  );
}

/** For a pod that is not among those that the figures list. `change`: when it is read again; undefined: not at all. */
function useUnlistedPod(api: Api, name: string, change: string | undefined): PodFigures | undefined {
  const isAsked = change !== undefined;
  const { value } = usePaced(READ_EVERY_MS, `${name} ${isAsked}`, change, async () => {
    const [read] = isAsked ? (await api.pods([name])).pods : [];
    return read && { ...read, level: 'normal' as const };
  });
  return value;
}
