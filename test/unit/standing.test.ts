import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import { Standing } from '../../src/admission/standing.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';

const FOR_MS = 30_000;
const TTL_MS = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTime(ms);
const newStore = () => new MemoryStore(() => performance.now());

class Gate {
  readonly events = new Events();
  readonly standing: Standing;
  readonly #name: string;

  constructor(name: string, recoveryMs = FOR_MS, admitsAlone = false) {
    this.#name = name;
    this.standing = new Standing({ recoveryMs, ttlMs: TTL_MS, admitsAlone, up: true, gateQuietMs: 5000 }, this.events);
  }

  /** It tells the store all that it knows, and says so. */
  async beat(store: MemoryStore, tells = true): Promise<Standing> {
    const { standing } = this;
    if (tells) standing.written(standing.epoch);
    const { before, outage, epoch } = standing;
    const beat = { gate: this.#name, proxies: [], pods: [], gateQuietMs: 5000, proxyQuietMs: TTL_MS, before, outage };
    standing.heard(await value(store.heartbeat(beat)), epoch);
    if (tells) standing.written(standing.epoch);
    return standing;
  }

  away(): void {
    this.events.emit('storeChanged', false, 'cut');
  }

  back(): void {
    this.events.emit('storeChanged', true, '');
  }
}

/** Two that trust their store, and know of each other. */
async function pair(store = newStore()): Promise<[Gate, Gate]> {
  const gates: [Gate, Gate] = [new Gate('gate1'), new Gate('gate2')];
  pass(FOR_MS);
  for (const gate of [...gates, ...gates]) await gate.beat(store);
  expect(gates.map(({ standing }) => [standing.gates, standing.synced])).toEqual([
    [2, true],
    [2, true],
  ]);
  return gates;
}

it('a new store is trusted when Envoys have had the time to speak', async () => {
  const gate = new Gate('gate1');
  const store = newStore();
  expect((await gate.beat(store)).synced).toBe(false);
  pass(FOR_MS - 1);
  expect((await gate.beat(store)).recoveryLeftMs).toBe(1);
  pass(1);
  expect(gate.standing.synced).toBe(true);
});

describe('after a loss', () => {
  it('that time begins when the last gate is back', async () => {
    const [first, second] = await pair();
    const store = newStore();
    await first.beat(store);
    pass(FOR_MS + 10_000);
    expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 1 });
    await second.beat(store);
    expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 0, recoveryLeftMs: FOR_MS });
    pass(FOR_MS);
    expect([first.standing.synced, second.standing.synced]).toEqual([true, true]);
  });

  it('a gate that does not come back is waited for a ttl, by those who never knew of it, too', async () => {
    const [first] = await pair();
    const store = newStore();
    await first.beat(store);
    const newcomer = new Gate('gate3');
    expect(await newcomer.beat(store)).toMatchObject({ gatesAwaited: 1, recoveryLeftMs: TTL_MS });
    pass(TTL_MS);
    expect([first.standing.synced, newcomer.standing.synced]).toEqual([true, true]);
  });

  it('a gate that comes back late has its time, whatever others do', async () => {
    const store = newStore();
    const gates = [new Gate('gate1'), new Gate('gate2'), new Gate('gate3')] as const;
    pass(FOR_MS);
    for (const gate of [...gates, ...gates]) await gate.beat(store);
    const [first, second] = gates;
    const emptied = newStore();
    await first.beat(emptied);
    pass(TTL_MS - 1000);
    await second.beat(emptied);
    expect(await first.beat(emptied)).toMatchObject({ gatesAwaited: 1, recoveryLeftMs: FOR_MS });
    pass(1000);
    expect(await first.beat(emptied)).toMatchObject({ gatesAwaited: 0, recoveryLeftMs: FOR_MS - 1000 });
  });

  it('a gate that was cut off for less than a ttl is waited for, too', async () => {
    const store = newStore();
    const [first] = await pair(store);
    pass(TTL_MS - 1);
    await first.beat(store);
    expect((await first.beat(newStore())).gatesAwaited).toBe(1);
  });

  it('a gate that has been gone for a ttl is not', async () => {
    const store = newStore();
    const [first] = await pair(store);
    pass(TTL_MS);
    await first.beat(store);
    expect(await first.beat(newStore())).toMatchObject({ gatesAwaited: 0, recoveryLeftMs: FOR_MS });
  });

  it('an outage is not counted as such a time: whoever is heard of first is not alone', async () => {
    const store = newStore();
    const [first] = await pair(store);
    first.away();
    pass(2 * TTL_MS);
    first.back();
    await first.beat(store);
    expect((await first.beat(newStore())).gatesAwaited).toBe(1);
  });
});

it('where there can be no connections from before, nobody is waited for', async () => {
  const gate = new Gate('gate1', 0);
  const store = newStore();
  await new Gate('gate2', 0).beat(store);
  await gate.beat(store);
  expect(await gate.beat(newStore())).toMatchObject({ synced: true, gatesAwaited: 0 });
});
