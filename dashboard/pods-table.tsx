/** Pods as bars against their limits, those with the least room first. */

import { useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import { PodRow } from './pod-row.tsx';
import { useFoundPods } from './use-found-pods.ts';
import { spanName, useHistory } from './use-history.ts';

const SHOWN_AT_FIRST = 20;

export function PodsTable({ api, figures }: { api: Api; figures: Snapshot }) {
  const [max, setMax] = useState(SHOWN_AT_FIRST);
  const [text, setText] = useState('');
  const found = useFoundPods(api, figures, text.trim());
  const shown = found.slice(0, max);
  const history = useHistory(
    api,
    shown.map(({ pod }) => pod),
  );
  const isSearch = text.trim() !== '';
  const of = isSearch ? `of ${found.length} found` : `of ${figures.totals.pods}`;
  return (
    <section class="pods">
      <div class="controls">
        <label>
          Find a pod <input type="search" value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
      </div>
      <table>
        <caption>Pods</caption>
        <thead>
          <tr>
            <th scope="col">Pod</th>
            <th scope="col" class="number">
              Connections
            </th>
            <th scope="col">Of its limit</th>
            <th scope="col" class="wide">
              {spanName(history)}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((pod) => (
            <PodRow key={pod.pod} pod={pod} history={history.pods[pod.pod]} span={spanName(history)} />
          ))}
        </tbody>
      </table>
      <p class="more">
        <span class="quiet">
          {figures.totals.pods === 0 ? 'No pod has been used within the last hour.' : `${shown.length} ${of}`}
        </span>
        {found.length > shown.length && (
          <button type="button" onClick={() => setMax(max * 2)}>
            Show more
          </button>
        )}
        {!isSearch && found.length <= shown.length && figures.totals.pods > shown.length && (
          <span class="quiet">Search for the rest.</span>
        )}
      </p>
    </section>
  );
}
