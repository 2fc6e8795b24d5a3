/** Pods as bars against their limits: found by name, sorted, a page at a time. Those with the least room come first. */

import { useMemo, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import { shareOf } from '../src/fleet/fullest.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import { Pager } from './pager.tsx';
import { FULLEST_FIRST, inOrder, orderAfter, type PodColumn } from './pod-order.ts';
import { PodRow } from './pod-row.tsx';
import { sharedPrefixes } from './shared-prefix.ts';
import { SortHeader } from './sort-header.tsx';
import { useFoundPods } from './use-found-pods.ts';
import { spanName, useHistory } from './use-history.ts';
import { usePaced } from './use-paced.ts';
import { usePages } from './use-pages.ts';

const DECIDED_EVERY_MS = 1000;

export function PodsTable({ api, figures }: { api: Api; figures: Snapshot }) {
  const [typed, setTyped] = useState('');
  const [fullOnly, setFullOnly] = useState(false);
  const [order, setOrder] = useState(FULLEST_FIRST);
  const text = typed.trim();
  const found = useFoundPods(api, figures, text);
  const listed = useMemo(
    () => inOrder(fullOnly ? found.filter((pod) => shareOf(pod) >= 1) : found, order),
    [found, fullOnly, order],
  );
  const pages = usePages(listed.length, JSON.stringify([text, fullOnly, order]));
  const shown = listed.slice(pages.start, pages.end);
  const names = shown.map(({ pod }) => pod);
  const prefixes = sharedPrefixes(names);
  const history = useHistory(api, names);
  const { value: decided } = usePaced(DECIDED_EVERY_MS, '', figures.timestamp, () => api.overrides());
  const isPart = text === '' && figures.totals.pods > found.length;
  const header = { order, sort: (by: PodColumn) => setOrder(orderAfter(order, by)) };
  return (
    <section class="pods">
      <div class="controls">
        <label>
          Find a pod{' '}
          <input type="search" value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
        <label>
          <input
            type="checkbox"
            checked={fullOnly}
            onChange={({ currentTarget }) => setFullOnly(currentTarget.checked)}
          />{' '}
          Full only
        </label>
      </div>
      <table>
        <caption>Pods</caption>
        <thead>
          <tr>
            <SortHeader name="Pod" column="pod" class="name" {...header} />
            <SortHeader name="Connections" column="connections" class="number" {...header} />
            <SortHeader name="Of its limit" column="fullness" class="full" {...header} />
            <th scope="col" class="wide">
              {spanName(history)}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((pod, index) => (
            <PodRow
              key={pod.pod}
              pod={pod}
              prefix={prefixes[index]}
              history={history.pods[pod.pod]}
              decided={decided?.overrides.filter((override) => override.pod === pod.pod) ?? []}
              span={spanName(history)}
            />
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p>{whyNone(figures, text, fullOnly)}</p>}
      <Pager pages={pages} of={ofWhat(listed.length, figures, text, fullOnly)} />
      {isPart && (
        <p class="quiet">
          These are the {found.length.toLocaleString()} fullest of {figures.totals.pods.toLocaleString()} pods. A search
          finds the others, too.
        </p>
      )}
    </section>
  );
}

function whyNone(figures: Snapshot, text: string, fullOnly: boolean): string {
  if (figures.totals.pods === 0) return 'No pod has been used within the last hour.';
  const which = fullOnly ? 'No full pod' : 'No pod';
  return text === '' ? 'No pod is full.' : `${which} has “${text}” in its name.`;
}

function ofWhat(length: number, figures: Snapshot, text: string, fullOnly: boolean): string {
  if (text !== '') return `of ${length.toLocaleString()} found`;
  if (fullOnly) return `of ${length.toLocaleString()} full`;
  return `of ${figures.totals.pods.toLocaleString()}`;
}
