/** Pods as bars against their limits, those with the least room first. */

import { useState } from 'preact/hooks';
import type { PodFigures } from './merge.ts';
import { Meter } from './meter.tsx';
import { hrefOf } from './route.ts';

const SHOWN_AT_FIRST = 25;

export function PodsTable({ pods }: { pods: readonly PodFigures[] }) {
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  return (
    <section>
      <table class="pods">
        <caption>Pods</caption>
        <thead>
          <tr>
            <th scope="col">Pod</th>
            <th scope="col">Connections</th>
            <th scope="col">Of the limit</th>
            <th scope="col">Level</th>
          </tr>
        </thead>
        <tbody>
          {pods.slice(0, shown).map((pod) => (
            <tr key={pod.pod} class={pod.level}>
              <th scope="row">
                <a href={hrefOf({ view: 'pod', pod: pod.pod })}>{pod.pod}</a>
              </th>
              <td class="number">
                {pod.connections} of {pod.limit}
              </td>
              <td>
                <Meter {...pod} />
              </td>
              <td>{pod.level !== 'normal' && <span class={`level ${pod.level}`}>{pod.level}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {pods.length > shown && (
        <button type="button" onClick={() => setShown(shown * 2)}>
          Show more
        </button>
      )}
    </section>
  );
}
