/** Which names a gate has in mind, of those that ask, speak, and are denied. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import { Presence } from '../../src/admission/presence.ts';
import { newLease, podId, proxyA, proxyB } from '../support/names.ts';

const RESERVE_MS = 20_000;
const [a, b, c] = [podId('a'), podId('b'), podId('c')];

/** What the ledger has. */
let pods: Set<PodId>;
let proxies: Set<ProxyId>;
let events: Events;
let reached: string[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  pods = new Set();
  proxies = new Set();
  events = new Events();
  reached = [];
  events.on('boundReached', (key) => void reached.push(key));
});
afterEach(() => void vi.useRealTimers());

function upTo(podsMax: number, proxiesMax = 100): Presence {
  const ledger = { holdsPod: (pod: PodId) => pods.has(pod), holdsProxy: (proxy: ProxyId) => proxies.has(proxy) };
  return new Presence(events, ledger, { podsMax, proxiesMax, reserveMs: RESERVE_MS });
}

describe('an upgrade keeps the place of its pod', () => {
  it('from when it asks until its slot is not reserved any more', () => {
    const presence = upTo(1);
    expect(presence.asks(a, newLease(proxyA))).toBe(true);
    vi.advanceTimersByTime(RESERVE_MS - 1);
    expect(presence.asks(b, newLease(proxyA))).toBe(false);
    expect(reached).toEqual(['limits.podsMax']);
    vi.advanceTimersByTime(1000);
    expect(presence.asks(b, newLease(proxyA))).toBe(true);
  });

  it('until it is denied', () => {
    const presence = upTo(1);
    const lease = newLease(proxyA);
    presence.asks(a, lease);
    events.emit('decided', { admitted: false, reason: 'LIMIT_EXCEEDED', pod: a, lease }, 0);
    expect(presence.asks(b, newLease(proxyA))).toBe(true);
  });

  it('until the log tells its end, and no longer than the last of them', () => {
    const presence = upTo(2);
    const [first, second] = [newLease(proxyA), newLease(proxyA)];
    for (const lease of [first, second]) presence.asks(a, lease);
    presence.asks(b, newLease(proxyA));
    presence.speaks(a, first);
    expect(presence.asks(c, newLease(proxyA))).toBe(false);
    presence.speaks(a, second);
    vi.advanceTimersByTime(1000);
    expect(presence.asks(c, newLease(proxyA))).toBe(true);
  });

  it('and when the log says that it lives, for as long as the ledger has it', () => {
    const presence = upTo(1);
    const lease = newLease(proxyA);
    presence.asks(a, lease);
    presence.speaks(a, lease);
    pods.add(a);
    vi.advanceTimersByTime(10 * RESERVE_MS);
    expect(presence.asks(b, newLease(proxyA))).toBe(false);
    pods.delete(a);
    vi.advanceTimersByTime(1000);
    expect(presence.asks(b, newLease(proxyA))).toBe(true);
  });
});

it('proxies keep their places in the same way', () => {
  const presence = upTo(100, 1);
  const lease = newLease(proxyA);
  presence.asks(a, lease);
  expect(presence.asks(a, newLease(proxyB))).toBe(false);
  expect(reached).toEqual(['limits.proxiesMax']);
  presence.speaks(a, lease);
  proxies.add(proxyA);
  vi.advanceTimersByTime(1000);
  expect(presence.asks(a, newLease(proxyB))).toBe(false);
  proxies.delete(proxyA);
  vi.advanceTimersByTime(1000);
  expect(presence.asks(a, newLease(proxyB))).toBe(true);
});

it('of 11,000 pods of which 40 live at once, each has its place among 10,000', () => {
  const presence = upTo(10_000);
  const live: [PodId, LeaseId][] = [];
  for (let number = 0; number < 11_000; number += 1) {
    const [pod, lease] = [podId(`short${number}`), newLease(proxyA)];
    expect(presence.asks(pod, lease)).toBe(true);
    presence.speaks(pod, lease);
    pods.add(pod);
    live.push([pod, lease]);
    const [ended] = live.length > 40 ? live.splice(0, 1) : [];
    if (!ended) continue;
    presence.speaks(...ended);
    pods.delete(ended[0]);
  }
  expect(reached).toEqual([]);
});

describe('the next heartbeat', () => {
  it('tells the names that were used, and none that gave way', () => {
    const presence = upTo(1);
    presence.speaks(a, newLease(proxyA));
    presence.speaks(b, newLease(proxyB));
    expect(presence.take()).toEqual({ pods: new Set([b]), proxies: new Set([proxyA, proxyB]) });
    expect(presence.take()).toEqual({ pods: new Set(), proxies: new Set() });
  });

  it('after one that did not get through tells those of both that have not given way', () => {
    const presence = upTo(2);
    presence.speaks(a, newLease(proxyA));
    presence.speaks(b, newLease(proxyA));
    const untold = presence.take();
    presence.speaks(c, newLease(proxyA));
    presence.putBack(untold);
    expect(presence.take()).toEqual({ pods: new Set([b, c]), proxies: new Set([proxyA]) });
  });
});
