import { expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import { Ledger } from '../../src/admission/ledger.ts';
import { Limits } from '../../src/admission/limits.ts';
import { Presence } from '../../src/admission/presence.ts';
import { Recovery } from '../../src/admission/recovery.ts';
import { Share } from '../../src/admission/share.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { newLease, pod1, pod2, proxyA } from '../support/names.ts';

/** A store that takes its time for renewals. */
class SlowStore extends MemoryStore {
  readonly #answer = Promise.withResolvers<void>();

  override async renew(...args: Parameters<MemoryStore['renew']>): ReturnType<MemoryStore['renew']> {
    await this.#answer.promise;
    return super.renew(...args);
  }

  answer(): void {
    this.#answer.resolve();
  }
}

it('it holds a pod and a proxy for as long as it has a connection of them', () => {
  const events = new Events();
  const recovery = new Recovery({ forMs: 0, ttlMs: 60_000 }, events);
  const parts = {
    store: new MemoryStore(Date.now),
    limits: new Limits({ default: { connections: 100 }, pods: {} }),
    share: new Share(recovery),
    recovery,
    presence: new Presence(events, () => ledger, { podsMax: 100, proxiesMax: 100, reserveMs: 20_000 }),
    events,
  };
  const ledger = new Ledger(parts, { ttlMs: 60_000, recoveryMs: 0, leasesMax: 100, releasesMax: 100 });
  const holds = () => [ledger.holdsPod(pod1), ledger.holdsPod(pod2), ledger.holdsProxy(proxyA)];
  const stream = ledger.open(proxyA);
  const [first, second, third] = [newLease(proxyA), newLease(proxyA), newLease(proxyA)];
  const see = (pod: PodId, lease: LeaseId) =>
    ledger.seen(stream, { pod, lease, path: '/', state: 'live', periodic: false });
  expect(holds()).toEqual([false, false, false]);
  for (const lease of [first, first, second]) see(pod1, lease);
  see(pod2, third);
  expect(holds()).toEqual([true, true, true]);
  ledger.ended(pod1, first);
  expect(holds()).toEqual([true, true, true]);
  ledger.ended(pod1, second);
  expect(holds()).toEqual([false, true, true]);
  ledger.close(stream);
  expect(holds()).toEqual([false, false, false]);
});

it('a flush also writes what became due while the one before it was under way', async () => {
  const store = new SlowStore(Date.now);
  const events = new Events();
  const recovery = new Recovery({ forMs: 0, ttlMs: 60_000 }, events);
  const parts = {
    store,
    limits: new Limits({ default: { connections: 100 }, pods: {} }),
    share: new Share(recovery),
    recovery,
    presence: new Presence(events, () => ledger, { podsMax: 100, proxiesMax: 100, reserveMs: 20_000 }),
    events,
  };
  const ledger = new Ledger(parts, { ttlMs: 60_000, recoveryMs: 0, leasesMax: 100, releasesMax: 100 });
  const stream = ledger.open(proxyA);
  const see = () =>
    ledger.seen(stream, { pod: pod1, lease: newLease(proxyA), path: '/', state: 'live', periodic: false });
  see();
  const first = ledger.flush();
  see();
  const second = ledger.flush();
  store.answer();
  await Promise.all([first, second]);
  expect(await store.fleet([pod1])).toMatchObject({ ok: true, value: { pods: [{ connections: 2 }] } });
});
