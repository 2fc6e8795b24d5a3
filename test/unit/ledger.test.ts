import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { makeGate } from '../model/model-gate.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';

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

it('a flush also writes what became due while the one before it was under way', async () => {
  const store = new SlowStore(Date.now);
  const { ledger } = makeGate(() => store, 'deny', 0);
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
