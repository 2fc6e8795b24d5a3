/** A pod's counts, as a line from the bottom (none) to the top (its limit, or the most that it had beyond that). */

interface SparklineProps {
  /** Oldest first; null where nobody knows. The last is now. */
  readonly counts: readonly (number | null)[];
  readonly limit: number;
  /** What the counts span, in words: `Last hour`. */
  readonly span: string;
}

const WIDTH = 120;
const HEIGHT = 20;

/** Small, in a table whose head tells the span; the most that there was stands beside it. */
export function Sparkline(props: SparklineProps) {
  const known = props.counts.filter((count) => count !== null);
  if (known.length < 2) return <span class="quiet">no history yet</span>;
  return (
    <div class="sparkline-cell">
      <Line {...props} known={known} />
      <span class="quiet" aria-hidden="true">
        max {Math.max(...known)}
      </span>
    </div>
  );
}

/** Large, with its scale: from none to the limit, and how long ago it begins. */
export function SparklineFigure(props: SparklineProps) {
  const known = props.counts.filter((count) => count !== null);
  if (known.length < 2) return <p class="quiet">no history yet</p>;
  return (
    <div class="sparkline-figure">
      <div class="scale" aria-hidden="true">
        <span>{topOf(known, props.limit)}</span>
        <span>0</span>
      </div>
      <Line {...props} known={known} />
      <div class="scale span" aria-hidden="true">
        <span>
          {props.span}, max {Math.max(...known)}
        </span>
        <span>now</span>
      </div>
    </div>
  );
}

function Line({ counts, known, limit, span }: SparklineProps & { known: readonly number[] }) {
  const top = topOf(known, limit);
  const label = `${span}: between ${Math.min(...known)} and ${Math.max(...known)}, on a scale from 0 to ${top}`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path d={pathOf(counts, top)} />
    </svg>
  );
}

function topOf(known: readonly number[], limit: number): number {
  return Math.max(limit, ...known, 1);
}

function pathOf(counts: readonly (number | null)[], top: number): string {
  let pen = 'M';
  const steps: string[] = [];
  counts.forEach((count, index) => {
    if (count === null) {
      pen = 'M'; // a gap, not a line across it
      return;
    }
    const x = (index / (counts.length - 1)) * WIDTH;
    const y = HEIGHT - 1 - (count / top) * (HEIGHT - 2);
    steps.push(`${pen}${x.toFixed(1)} ${y.toFixed(1)}`);
    pen = 'L';
  });
  return steps.join('');
}
