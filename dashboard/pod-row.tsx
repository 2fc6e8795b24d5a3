/** A pod in the list of pods. */

import type { OverrideBody } from '../src/http/bodies.ts';
import { wordsOf } from '../src/http/override-words.ts';
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
  /** What somebody has decided about it. */
  readonly decided: readonly OverrideBody[];
  /** What that spans, in words. */
  readonly span: string;
}

export function PodRow({ pod, prefix = '', history = [], decided, span }: PodRowProps) {
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
          {decided.map((override) => (
            <span key={override.kind} class="mark" title={wordsOf(override)}>
              {markOf(override)}
            </span>
          ))}
          {pod.level !== 'normal' && <span class={`level ${pod.level}`}>{pod.level}</span>}
        </div>
      </td>
      <td class="wide">
        <Sparkline counts={[...history, pod.connections]} limit={pod.limit} span={span} />
      </td>
    </tr>
  );
}

function markOf({ kind, drain }: OverrideBody): string {
  if (kind === 'limit') return 'limit set';
  if (!drain) return 'cordoned';
  return drain.done === null ? 'draining' : 'drained';
}
