/** How long something has run, in its two largest units: `3d 4h`, `5m 0s`. */

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

export function uptime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const first = UNITS.findIndex(([, inSeconds]) => seconds >= inSeconds);
  if (first === -1) return '0s';
  let rest = seconds;
  const parts = UNITS.slice(first, first + 2).map(([unit, inSeconds]) => {
    const count = Math.floor(rest / inSeconds);
    rest %= inSeconds;
    return `${count}${unit}`;
  });
  return parts.join(' ');
}
