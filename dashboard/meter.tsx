/** A pod's connections as a bar against its limit. */

import { shareOf } from '../src/fleet/fullest.ts';
import type { PodFigures } from './merge.ts';

type MeterProps = Pick<PodFigures, 'pod' | 'connections' | 'limit' | 'level'>;

export function Meter({ pod, connections, limit, level }: MeterProps) {
  const percent = Math.min(100, shareOf({ connections, limit }) * 100);
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers draw a native meter each in its own way
    <div
      role="meter"
      class={`meter ${level}`}
      aria-label={pod}
      aria-valuemin={0}
      aria-valuenow={connections}
      aria-valuemax={limit}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
