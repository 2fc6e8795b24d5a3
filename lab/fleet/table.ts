/** A fleet's connections as a table, what the metrics say of it, and how to compare the two. */

import type { Metrics } from './metrics.ts';

/** By proxy, then by pod. */
export type Table = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const TABLE: Table = {
  proxy_a: { pod1: 25, pod2: 40, pod3: 15 },
  proxy_b: { pod1: 30, pod2: 35, pod3: 20 },
  proxy_c: { pod1: 20, pod2: 25, pod3: 30 },
};

/** The metrics that a gate shows for exactly these connections. */
export function metricsOf(table: Table): Metrics {
  const sums: Record<string, number> = {};
  const add = (name: string, count: number) => {
    sums[name] = (sums[name] ?? 0) + count;
  };
  for (const [proxy, pods] of Object.entries(table)) {
    for (const [pod, count] of Object.entries(pods)) {
      add(`websocket_pod_connections{pod_id="${pod}"}`, count);
      add(`websocket_proxy_connections{proxy_id="${proxy}"}`, count);
    }
  }
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => a.localeCompare(b)));
}

/** The same names, all at zero. */
export function allZero(expected: Metrics): Metrics {
  return Object.fromEntries(Object.keys(expected).map((name) => [name, 0]));
}

/** A proxy without connections may not be shown at all, so what is missing is 0. */
export function agree(seen: Metrics, expected: Metrics): boolean {
  return Object.entries(expected).every(([name, count]) => (seen[name] ?? 0) === count);
}

export function compared(seen: Metrics, expected: Metrics): string {
  const rows = Object.entries(expected).map(([name, count]) => {
    const shown = seen[name] ?? 0;
    return [name, String(shown), String(count), shown === count ? 'ok' : 'DIFFERS'];
  });
  const all = [['metric', 'shown', 'expected', ''], ...rows];
  const width = Math.max(...all.map(([name = '']) => name.length));
  return all
    .map(([name = '', shown = '', count = '', verdict = '']) =>
      `  ${name.padEnd(width)}  ${shown.padStart(8)}  ${count.padStart(8)}  ${verdict}`.trimEnd(),
    )
    .join('\n');
}
