/** A pod's counts, as a line from the bottom (none) to the top (its limit, or the most that it had beyond that). */

interface SparklineProps {
  /** Oldest first; null where nobody knows. The last is now. */
  readonly counts: readonly (number | null)[];
  readonly limit: number;
  /** What the counts span, in words. */
  readonly span: string;
}

const WIDTH = 120;
const HEIGHT = 20;

export function Sparkline({ counts, limit, span }: SparklineProps) {
  const known = counts.filter((count) => count !== null);
  if (known.length < 2) return <span class="quiet">no history yet</span>;
  const top = Math.max(limit, ...known, 1);
  const label = `${span}: between ${Math.min(...known)} and ${Math.max(...known)}`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path d={pathOf(counts, top)} />
    </svg>
  );
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
