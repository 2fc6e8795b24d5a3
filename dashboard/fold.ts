/**
 * The table of proxies and pods, folded to what a page can show: the rows and columns with the most connections, and
 * what all the others hold together.
 */

import type { Snapshot } from '../src/hub/protocol.ts';

const ROWS_MAX = 12;
const COLUMNS_MAX = 5;

export interface FoldedRow {
  readonly name: string;
  readonly cells: readonly number[];
  readonly total: number;
}

export interface Folded {
  readonly pods: readonly string[];
  /** How many are not among `pods`; then each row's last cell is theirs. */
  readonly otherPods: number;
  readonly rows: readonly FoldedRow[];
  /** How many are not among `rows`, and their row. */
  readonly otherProxies: number;
  readonly others: FoldedRow;
  readonly totals: FoldedRow;
}

export function fold(figures: Snapshot): Folded {
  const pods = byName(most(figures.pods, COLUMNS_MAX), ({ pod }) => pod);
  const proxies = byName(most(figures.proxies, ROWS_MAX), ({ proxy }) => proxy);
  const otherPods = figures.totals.pods - pods.length;
  const otherProxies = figures.totals.proxies - proxies.length;
  const row = (name: string, cells: number[], total: number): FoldedRow => ({
    name,
    cells: otherPods > 0 ? [...cells, total - sum(cells)] : cells,
    total,
  });
  const rows = proxies.map(({ proxy, connections }) =>
    row(
      proxy,
      pods.map((pod) => pod.proxies[proxy] ?? 0),
      connections,
    ),
  );
  const total = figures.totals.connections;
  return {
    pods: pods.map(({ pod }) => pod),
    otherPods,
    rows,
    otherProxies,
    others: row(
      'others',
      pods.map((pod) => pod.connections - sum(proxies.map(({ proxy }) => pod.proxies[proxy] ?? 0))),
      total - sum(proxies.map(({ connections }) => connections)),
    ),
    totals: row(
      'Total',
      pods.map(({ connections }) => connections),
      total,
    ),
  };
}

function most<T extends { readonly connections: number }>(items: readonly T[], max: number): T[] {
  return [...items].sort((a, b) => b.connections - a.connections).slice(0, max);
}

/** Rows that change places with each connection could not be read. */
function byName<T>(items: T[], nameOf: (item: T) => string): T[] {
  return items.sort((a, b) => nameOf(a).localeCompare(nameOf(b), 'en', { numeric: true }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
