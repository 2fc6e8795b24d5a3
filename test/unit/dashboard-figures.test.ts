import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold } from '../../dashboard/fold.ts';
import { merge, type PodRead } from '../../dashboard/merge.ts';
import { type PodId, type ProxyId, parsePodId, parseProxyId } from '../../src/admission/ids.ts';
import type { FleetSnapshot } from '../../src/fleet/fleet-view.ts';
import { snapshotOf } from '../../src/hub/figures/snapshot.ts';
import type { Snapshot } from '../../src/hub/protocol.ts';
import { assertHolds } from '../support/property.ts';

const LIMIT = 10;
const BEFORE_MS = Date.UTC(2026, 0, 2);
const AFTER_MS = BEFORE_MS + 1000;

const ALONE = { gates: 1, silent_gates: [], unlogged_proxies: [], unrenewed_proxies: [] };

/** Connections by pod, then by proxy. */
type Held = Readonly<Record<string, Readonly<Record<string, number>>>>;

function figuresOf(held: Held, timeMs: number): Snapshot {
  const pods = Object.entries(held).map(([name, proxies]): FleetSnapshot['pods'][number] => {
    const perProxy = Object.entries(proxies).filter(([, count]) => count > 0);
    return {
      pod: known(parsePodId(name)),
      connections: perProxy.reduce((sum, [, count]) => sum + count, 0),
      limit: LIMIT,
      proxies: new Map<ProxyId, number>(perProxy.map(([proxy, count]) => [known(parseProxyId(proxy)), count])),
    };
  });
  const rates = { admitted: 0, denied: 0, released: 0 };
  return snapshotOf({ timeMs, pods }, {}, { ...ALONE, store: 'up', rates });
}

function known<T extends PodId | ProxyId>(id: T | undefined): T {
  if (id === undefined) throw new Error('no id');
  return id;
}

/** What the page reads of those pods later. */
function readsOf(held: Held, pods: readonly string[], timeMs: number): Map<string, PodRead> {
  const read = figuresOf(held, timeMs).pods.filter(({ pod }) => pods.includes(pod));
  return new Map(read.map((pod) => [pod.pod, { ...pod, timeMs }]));
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const anyHeld = (pods: number, proxies: number) =>
  fc.dictionary(
    fc.constantFrom(...names('pod', pods)),
    fc.dictionary(fc.constantFrom(...names('proxy', proxies)), fc.nat(4), { maxKeys: proxies, noNullPrototype: true }),
    { maxKeys: pods, noNullPrototype: true },
  );
const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);

describe('what was read of single pods since the last figures', () => {
  it('makes the figures that the gate would tell now', async () => {
    const property = fc.asyncProperty(anyHeld(6, 4), anyHeld(6, 4), async (before, changes) => {
      const after = { ...before, ...changes };
      const reads = readsOf(after, Object.keys(changes), AFTER_MS);
      const merged = merge(figuresOf(before, BEFORE_MS), reads, new Map());
      const expected = figuresOf(after, AFTER_MS);
      expect(merged.totals.connections).toBe(expected.totals.connections);
      expect(merged.totals.proxies).toBe(expected.totals.proxies);
      const held = (pods: Snapshot['pods']) =>
        Object.fromEntries(pods.filter((pod) => pod.connections > 0).map((pod) => [pod.pod, pod.proxies]));
      expect(held(merged.pods)).toEqual(held(expected.pods));
      expect(new Map(merged.proxies.map((each) => [each.proxy, each.connections]))).toEqual(
        new Map(expected.proxies.map((each) => [each.proxy, each.connections])),
      );
      expect(merged.pods.map(({ connections }) => connections)).toEqual(
        merged.pods.map(({ connections }) => connections).toSorted((a, b) => b - a),
      );
    });
    await assertHolds(property, 300);
  });

  it('is ignored when the figures are newer', () => {
    const figures = figuresOf({ pod1: { proxy_a: 3 } }, AFTER_MS);
    const reads = readsOf({ pod1: { proxy_a: 5 } }, ['pod1'], BEFORE_MS);
    expect(merge(figures, reads, new Map()).pods).toEqual(figures.pods);
  });

  it('shows a pod at its limit as saturated before an event tells so, and an empty one as normal', () => {
    const full = merge(
      figuresOf({ pod1: { proxy_a: 3 } }, BEFORE_MS),
      readsOf({ pod1: { proxy_a: LIMIT } }, ['pod1'], AFTER_MS),
      new Map(),
    );
    expect(full.pods).toMatchObject([{ pod: 'pod1', level: 'saturated' }]);
    expect(full.totals.saturated).toBe(1);
    const empty = merge(full, readsOf({ pod1: {} }, ['pod1'], AFTER_MS), new Map());
    expect(empty.pods).toMatchObject([{ pod: 'pod1', connections: 0, level: 'normal' }]);
    expect(empty.totals.saturated).toBe(0);
  });

  it('takes the level that an event told', () => {
    const merged = merge(figuresOf({ pod1: { proxy_a: 8 } }, BEFORE_MS), new Map(), new Map([['pod1', 'filling']]));
    expect(merged.pods).toMatchObject([{ pod: 'pod1', level: 'filling' }]);
    expect(merged.totals.filling).toBe(1);
  });
});

describe('the table of proxies and pods', () => {
  it('shows all of a small fleet, by name', () => {
    const held = { pod10: { proxy_b: 1 }, pod9: { proxy_a: 2, proxy_b: 3 } };
    const folded = fold(figuresOf(held, BEFORE_MS));
    expect(folded).toMatchObject({ pods: ['pod9', 'pod10'], otherPods: 0, otherProxies: 0 });
    expect(folded.rows).toEqual([
      { name: 'proxy_a', cells: [2, 0], total: 2 },
      { name: 'proxy_b', cells: [3, 1], total: 4 },
    ]);
    expect(folded.totals).toEqual({ name: 'Total', cells: [5, 1], total: 6 });
  });

  it('adds up in each row and column, with what it folds away', async () => {
    const property = fc.asyncProperty(anyHeld(30, 30), async (held) => {
      const figures = figuresOf(held, BEFORE_MS);
      const { rows, others, totals } = fold(figures);
      expect(rows.length).toBeLessThanOrEqual(12);
      expect(totals.cells.length).toBeLessThanOrEqual(9);
      for (const row of [...rows, others, totals]) expect(sum(row.cells)).toBe(row.total);
      totals.cells.forEach((total, column) => {
        expect(sum([...rows, others].map(({ cells }) => cells[column] ?? Number.NaN))).toBe(total);
      });
      expect(totals.total).toBe(figures.totals.connections);
    });
    await assertHolds(property, 100);
  });
});
