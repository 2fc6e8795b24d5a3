import { expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import type { PlacedUpgrade, Verdict } from '../../src/admission/verdict.ts';
import { WaitingRoom } from '../../src/admission/waiting-room.ts';
import { newLease, podsOf, proxyA, serviceId } from '../support/names.ts';

const chat = serviceId('chat');
const [pod] = podsOf(chat, 1);
const newUpgrade = (): PlacedUpgrade => ({ service: chat, lease: newLease(proxyA), path: '/' });

/** `slots`: how many are free now. */
function newRoom(max?: number) {
  const events = new Events();
  const reached: string[] = [];
  events.on('boundReached', (key) => void reached.push(key));
  const state = { slots: 0, asked: 0 };
  const ask = async ({ lease }: PlacedUpgrade): Promise<Verdict | undefined> => {
    state.asked += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (state.slots === 0 || !pod) return undefined;
    state.slots -= 1;
    return { admitted: true, counted: true, pod, lease };
  };
  const free = (count: number) => {
    state.slots += count;
    if (pod) events.emit('released', pod, 'closed', count);
  };
  return { room: new WaitingRoom(events, ask, max), state, reached, free };
}

it('no more wait than there may, and the bound is told', async () => {
  const { room, reached } = newRoom(1);
  const first = room.wait(newUpgrade(), 300, 1000);
  expect(await room.wait(newUpgrade(), 300, 1000)).toBeUndefined();
  expect(reached).toEqual(['services.wait']);
  expect(room.size).toBe(1);
  expect(await first).toBeUndefined();
  expect([room.size, room.hasLine(chat)]).toEqual([0, false]);
});

it('one whose time is up while the store is asked for it keeps the slot that it got', async () => {
  const { room, state, free } = newRoom();
  const upgrade = newUpgrade();
  const waiting = room.wait(upgrade, 30, 1000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  free(1); // the answer comes after the time is up
  expect(await waiting).toMatchObject({ admitted: true, lease: upgrade.lease });
  expect(state.slots).toBe(0);
});

it('as many are asked for as slots were freed, and more while all of them get one', async () => {
  const { room, state, free } = newRoom();
  const all = Array.from({ length: 5 }, () => room.wait(newUpgrade(), 5000, 10_000));
  state.slots = 2; // freed elsewhere
  free(1);
  await Promise.all(all.slice(0, 3));
  expect(room.size).toBe(2);
  expect(state.asked).toBeLessThanOrEqual(5);
  room.stop();
  expect(await Promise.all(all.slice(3))).toEqual([undefined, undefined]);
});
