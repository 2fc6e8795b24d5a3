/** One pod: how full it is, and who holds its slots. */

import type { Api } from '../src/client/api.ts';
import { ConnectionsTable } from './connections-table.tsx';
import { lastChangeOf } from './event-log.ts';
import type { View } from './fleet.ts';
import type { PodFigures } from './merge.ts';
import { Meter } from './meter.tsx';
import { PodControls } from './pod-controls.tsx';
import { SparklineFigure } from './sparkline.tsx';
import { spanName, useHistory } from './use-history.ts';
import { useUnlistedPod } from './use-unlisted-pod.ts';

interface PodPageProps {
  readonly api: Api;
  readonly name: string;
  readonly view: View;
}

export function PodPage({ api, name, view: { figures, events } }: PodPageProps) {
  const listed = figures?.pods.find(({ pod }) => pod === name);
  const change = `${figures?.timestamp} ${lastChangeOf(name, events)}`;
  const unlisted = useUnlistedPod(api, name, listed ? undefined : figures, change);
  const pod = listed ?? unlisted;
  const isUnknown = !listed && unlisted?.isKnown === false;
  return (
    <article class="pod">
      <h1 tabIndex={-1}>{name}</h1>
      {isUnknown ? (
        <UnknownPod limit={unlisted.limit} />
      ) : (
        <>
          {pod && <Figure api={api} pod={pod} />}
          <PodControls api={api} pod={name} change={change} />
          <ConnectionsTable api={api} pod={name} change={change} />
        </>
      )}
    </article>
  );
}

function UnknownPod({ limit }: { limit: number }) {
  return (
    <>
      <p role="status" aria-label="Pod">
        No gate knows a pod of this name. It had no connection within the last hour, and the configuration does not name
        it.
      </p>
      <p>If connections to it come, {limit} may be open at once. This page shows them then.</p>
      <p>
        <a href="#/">All pods</a>
      </p>
    </>
  );
}

function Figure({ api, pod }: { api: Api; pod: PodFigures }) {
  const history = useHistory(api, [pod.pod]);
  return (
    <>
      <div class={`figure ${pod.level}`}>
        <p>
          <b>
            {pod.connections} of {pod.limit}
          </b>{' '}
          {pod.level !== 'normal' && <span class={`level ${pod.level}`}>{pod.level}</span>}
        </p>
        <Meter {...pod} />
        <SparklineFigure
          counts={[...(history.pods[pod.pod] ?? []), pod.connections]}
          limit={pod.limit}
          span={spanName(history)}
        />
      </div>
      <ProxiesOf pod={pod} />
    </>
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
