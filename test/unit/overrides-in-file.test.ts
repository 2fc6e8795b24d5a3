/** What somebody has decided outlives the process of an embedded store, in its file. */

import { expect, it } from 'vitest';
import type { PodId } from '../../src/admission/ids.ts';
import { inForce, type OverrideChange } from '../../src/admission/override.ts';
import { decode, encode } from '../../src/store/file/format.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { claims } from '../support/claims.ts';
import { HOUR_MS } from '../support/expire.ts';
import { newLease, pod1, pod2, podsOf, proxyA, serviceId } from '../support/names.ts';

const chat = serviceId('chat');
const [podA, podB] = podsOf(chat, 2) as [PodId, PodId];

function restarted(store: MemoryStore, nowMs: () => number): MemoryStore {
  const decoded = decode(Buffer.concat([...encode(store.snapshot(), { stopped: true, atMs: nowMs() })]));
  if (!decoded.ok) throw new Error(decoded.problem);
  return new MemoryStore(nowMs, decoded.snapshot);
}

it('limits and cordons are in force at once, end in time, and are in the audit trail', async () => {
  let timeMs = 1_800_000_000_000;
  const nowMs = () => timeMs;
  const before = new MemoryStore(nowMs);
  const change = async (asked: Pick<OverrideChange, 'kind' | 'pod' | 'forMs'>, connections?: number) => {
    const decision = { by: 'ops', ...(connections === undefined ? {} : { connections }) };
    const note = { action: 'limit.set', by: 'ops', pod: asked.pod } as const;
    const { version, ofPod } = await value(before.override({ ...asked, decision, note }));
    await value(before.enforce(asked.pod, version, inForce(ofPod)));
  };
  await change({ kind: 'limit', pod: pod1, forMs: HOUR_MS }, 0);
  await change({ kind: 'cordon', pod: pod2 });
  await change({ kind: 'cordon', pod: podA });
  const { all, version } = await value(before.overrides(-1));

  const store = restarted(before, nowMs);
  expect(await value(store.overrides(-1))).toMatchObject({ all });
  expect((await value(store.overrides(-1))).version).toBeGreaterThanOrEqual(version);
  expect(await value(store.audit(10))).toEqual(await value(before.audit(10)));
  const isIn = async (pod: PodId) =>
    (await value(store.acquire(claims(pod, 5), newLease(proxyA), HOUR_MS, '/'))).admitted;
  expect([await isIn(pod1), await isIn(pod2)]).toEqual([false, false]);
  await value(
    store.enrol(
      chat,
      new Map([
        [podA, 5],
        [podB, 5],
      ]),
    ),
  );
  for (let i = 0; i < 3; i += 1) {
    expect(await value(store.place(chat, newLease(proxyA), HOUR_MS, '/'))).toMatchObject({ placed: true, pod: podB });
  }
  timeMs += 2 * HOUR_MS;
  expect([await isIn(pod1), await isIn(pod2)]).toEqual([true, false]);
});
