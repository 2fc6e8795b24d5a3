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
    this.standing = new Standing({ recoveryMs, ttlMs: TTL_MS, admitsAlone, up: true, gateSilentMs: 5000 }, this.events);
  }

  /** It tells the store all that it knows, and says so. */
  async beat(store: MemoryStore, tells = true): Promise<Standing> {
    const { standing } = this;
    if (tells) standing.written(standing.epoch);
    const { before, outage, epoch } = standing;
    const beat = { gate: this.#name, proxies: [], pods: [], gateSilentMs: 5000, proxySilentMs: TTL_MS, before, outage };
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
  it('the time for Envoys to speak begins when the last gate is back', async () => {
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

  it('an outage does not count as absence: the gate that is heard first still waits for the other', async () => {
    const store = newStore();
    const [first] = await pair(store);
    first.away();
    pass(2 * TTL_MS);
    first.back();
    await first.beat(store);
    expect((await first.beat(newStore())).gatesAwaited).toBe(1);
  });

  describe('that an outage follows before all gates are back', () => {
    async function lostAndAway(): Promise<{ first: Gate; second: Gate; store: MemoryStore }> {
      const [first, second] = await pair();
      const store = newStore();
      await first.beat(store);
      first.away();
      pass(2 * TTL_MS);
      first.back();
      return { first, second, store };
    }

    it('the others are waited for anew: nobody could come meanwhile', async () => {
      const { first, second, store } = await lostAndAway();
      expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 1 });
      pass(TTL_MS - 1);
      expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 1 });
      await second.beat(store);
      expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 0, recoveryLeftMs: FOR_MS });
      pass(FOR_MS);
      expect((await first.beat(store)).synced).toBe(true);
    });

    it('they are given up after a ttl, and Envoys get the time to speak', async () => {
      const { first, store } = await lostAndAway();
      await first.beat(store);
      pass(TTL_MS);
      expect(await first.beat(store)).toMatchObject({ synced: false, gatesAwaited: 0, recoveryLeftMs: FOR_MS });
      pass(FOR_MS);
      expect((await first.beat(store)).synced).toBe(true);
    });
  });
});

it('where there can be no connections from before, nobody is waited for', async () => {
  const gate = new Gate('gate1', 0);
  const store = newStore();
  await new Gate('gate2', 0).beat(store);
  await gate.beat(store);
  expect(await gate.beat(newStore())).toMatchObject({ synced: true, gatesAwaited: 0 });
});

describe('after an outage', () => {
  /** Two gates that trust their store and admit alone without it. */
  async function fleet(): Promise<{ first: Gate; second: Gate; store: MemoryStore }> {
    const store = newStore();
    const [first, second] = [new Gate('gate1', FOR_MS, true), new Gate('gate2', FOR_MS, true)];
    pass(FOR_MS);
    for (const gate of [first, second, first, second]) await gate.beat(store);
    expect([first.standing.state, second.standing.state]).toEqual(['synced', 'synced']);
    return { first, second, store };
  }

  function outage(ms: number, ...gates: Gate[]): void {
    for (const gate of gates) gate.away();
    expect(gates.map(({ standing }) => standing.state)).toEqual(gates.map(() => 'away'));
    pass(ms);
    for (const gate of gates) gate.back();
  }

  it('a gate trusts the counts when it has told what it knows, and the others have', async () => {
    const { first, second, store } = await fleet();
    outage(20_000, first, second);
    expect((await first.beat(store, false)).state).toBe('catching up');
    expect((await first.beat(store)).state).toBe('catching up');
    expect((await second.beat(store, false)).state).toBe('catching up');
    expect((await first.beat(store)).state).toBe('catching up');
    await second.beat(store); // it says that it has told its own
    expect((await first.beat(store)).state).toBe('synced');
    expect((await second.beat(store)).state).toBe('synced');
  });

  it('a gate that does not come back has died with what it knew: its proxies get the time to speak', async () => {
    const { first, second, store } = await fleet();
    outage(20_000, first, second);
    await first.beat(store);
    pass(TTL_MS);
    expect((await first.beat(store)).state).toBe('recovering');
    pass(FOR_MS - 1);
    expect(first.standing.state).toBe('recovering');
    pass(1);
    expect(first.standing.state).toBe('synced');
  });

  it('a gate that starts while the store is away waits as long as the others', async () => {
    const { first, second, store } = await fleet();
    outage(20_000, first, second);
    const born = new Gate('gate3', FOR_MS, true);
    born.away();
    born.back();
    expect((await born.beat(store)).state).toBe('catching up');
    await first.beat(store);
    expect((await born.beat(store)).state).toBe('catching up'); // the second one may know more
  });

  it('a gate that starts right after it waits for those that do not trust the counts yet', async () => {
    const { first, second, store } = await fleet();
    outage(20_000, first, second);
    await first.beat(store);
    const born = new Gate('gate3', FOR_MS, true);
    expect((await born.beat(store)).state).toBe('catching up');
    for (const gate of [second, first, second, first, second]) await gate.beat(store);
    expect((await born.beat(store)).state).toBe('synced');
  });

  it('a gate that starts while all is well trusts the store at once', async () => {
    const { store } = await fleet();
    expect((await new Gate('gate3', FOR_MS, true).beat(store)).state).toBe('synced');
  });

  it('a gate that was gone before is not waited for', async () => {
    const { first, second, store } = await fleet();
    pass(10_000);
    await first.beat(store);
    outage(20_000, first);
    expect((await first.beat(store)).state).toBe('synced');
    expect(second.standing.state).toBe('synced');
  });

  it('nobody waits where nobody is admitted without the store', async () => {
    const store = newStore();
    const [first] = await pair(store);
    outage(20_000, first);
    expect((await first.beat(store)).state).toBe('synced');
  });
});

describe('an answer of an earlier epoch', () => {
  it('changes nothing: it was on its way when the store went away', async () => {
    const [gate] = await pair();
    const { epoch } = gate.standing;
    gate.away();
    gate.back();
    const answer = { timeMs: performance.now(), incarnationMs: 0, gates: 1, gatesAwaited: 0, gatesBackMs: 0 };
    const rest = { gatesBehind: 0, gatesDoubting: 0, silentGates: [], silentProxies: [] };
    gate.standing.written(epoch);
    gate.standing.heard({ ...answer, ...rest }, epoch);
    expect([gate.standing.state, gate.standing.told]).toEqual(['catching up', false]);
  });
});

describe("when the store's clock is set back", () => {
  it('a store is not untrusted for longer', async () => {
    let setBackMs = 0;
    const store = new MemoryStore(() => performance.now() - setBackMs);
    const gate = new Gate('gate1');
    pass(FOR_MS / 2);
    await gate.beat(store);
    setBackMs = 20_000;
    await gate.beat(store);
    expect(gate.standing.recoveryLeftMs).toBe(FOR_MS / 2);
    expect((await new Gate('gate2').beat(store)).recoveryLeftMs).toBe(FOR_MS); // as long as for one that is new
  });
});
