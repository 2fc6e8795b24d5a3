/** A pod in the list of pods. */

import { CutName } from './cut-name.tsx';
import type { PodFigures } from './merge.ts';
import { Meter } from './meter.tsx';
import { hrefOf } from './route.ts';
import { Sparkline } from './sparkline.tsx';
import type { Counts } from './use-history.ts';

interface PodRowProps {
  readonly pod: PodFigures;
  /** What its name shares with the rows beside it. */
  readonly prefix: string | undefined;
  readonly history: Counts | undefined;
  /** What that spans, in words. */
  readonly span: string;
}

export function PodRow({ pod, prefix = '', history = [], span }: PodRowProps) {
  return (
    <tr class={pod.level}>
      <th scope="row" class="cut">
        <a href={hrefOf({ view: 'pod', pod: pod.pod })}>
          <CutName name={pod.pod} prefix={prefix} />
        </a>
      </th>
      <td class="number">
        {pod.connections} of {pod.limit}
      </td>
      <td class="bar">
        <div>
          <Meter {...pod} />
          {pod.level !== 'normal' && <span class={`level ${pod.level}`}>{pod.level}</span>}
        </div>
      </td>
      <td class="wide">
        <Sparkline counts={[...history, pod.connections]} limit={pod.limit} span={span} />
      </td>
    </tr>
  );
}
