/** The count beside the truth, whatever Envoys, gates and the store do to each other. */

import fc from 'fast-check';
import { afterEach, beforeEach, it, vi } from 'vitest';
import { assertHolds, step, stepsOf, testRuns } from '../support/property.ts';
import type { Fate } from './access-log.ts';
import { Fleet, nth } from './fleet.ts';

const RUNS = 50;
/** A failure takes its time to become short. */
const TIMEOUT_MS = 120_000 * testRuns;

// The ledger measures its own silences by this process's clock: it goes on with the store's, by hand.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const worker = fc.nat(3);
const gate = fc.nat(1);
/** By number. */
const pod = fc.nat(1);
const any = fc.nat(20);
const fate = fc.constantFrom<Fate>('arrives', 'arrives', 'arrives', 'arrives twice', 'is lost', 'is late');
const when = fc.constantFrom('now' as const, 'in the next call' as const);

/** Most last for a while; some for longer than the grace. */
const cutSeconds = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 150 }) },
  { weight: 1, arbitrary: fc.integer({ min: 300, max: 500 }) },
);
const upgrade = { worker, gate, pod, fate };
const asked = fc.array(fc.record({ worker, gate }), { maxLength: 8 });

interface Rush {
  readonly pod: number;
  readonly asked: readonly { readonly worker: number; readonly gate: number }[];
}

async function rush(fleet: Fleet, { pod, asked }: Rush): Promise<void> {
  const upgrades = asked.map(async ({ worker, gate }) => {
    const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
    const asked = nth(fleet.gates, gate);
    if (await fleet.ask(asked, connection)) fleet.opened(connection, 'arrives', asked);
  });
  await Promise.all(upgrades);
}

const steps = stepsOf<Fleet>(
  step(6, 'an upgrade', upgrade, async (fleet, { worker, gate, pod, fate }) => {
    const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
    const asked = nth(fleet.gates, gate);
    if (await fleet.ask(asked, connection)) fleet.opened(connection, fate, asked);
  }),
  step(2, 'a rush', { pod, asked }, rush),
  step(1, 'an upgrade that the pod refuses', upgrade, async (fleet, { worker, gate, pod, fate }) => {
    const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
    if (await fleet.ask(nth(fleet.gates, gate), connection)) fleet.ended(connection, fate);
  }),
  step(1, 'an upgrade whose client leaves before the answer', upgrade, async (fleet, { worker, gate, pod, fate }) => {
    const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
    await fleet.askInVain(nth(fleet.gates, gate), connection);
    fleet.ended(connection, fate);
  }),
  step(
    1,
    'an upgrade that Envoy tired of asking for, and lets in',
    upgrade,
    async (fleet, { worker, gate, pod, fate }) => {
      const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
      await fleet.askInVain(nth(fleet.gates, gate), connection);
      connection.excused = true;
      fleet.opened(connection, fate);
    },
  ),
  step(
    1,
    'an upgrade that is asked for again',
    { ...upgrade, again: gate },
    async (fleet, { worker, gate, again, pod, fate }) => {
      const connection = fleet.newConnection(nth(fleet.workers, worker), nth(fleet.pods, pod));
      await fleet.askInVain(nth(fleet.gates, gate), connection);
      const asked = nth(fleet.gates, again);
      if (await fleet.ask(asked, connection)) fleet.opened(connection, fate, asked);
      else fleet.log.unheard.add(connection.lease); // the first gate may have let it in, and no entry tells of a denial
    },
  ),
  step(4, 'a close', { any, fate }, async (fleet, { any, fate }) => {
    const closing = fleet.connections.filter(({ pod }) => fleet.pods.includes(pod));
    if (closing.length > 0) fleet.ended(nth(closing, any), fate);
  }),
  step(
    5,
    'time',
    { seconds: fc.integer({ min: 1, max: 60 }), fates: fc.infiniteStream(fate) },
    async (fleet, { seconds, fates }) => {
      await fleet.pass(seconds, () => fates.next().value ?? 'arrives');
    },
  ),
  step(2, 'what was late arrives', {}, async (fleet) => fleet.log.hearTheLate()),
  step(3, 'a log stream breaks', { worker, gate }, async (fleet, { worker, gate }) => {
    fleet.log.breakStream(nth(fleet.workers, worker), gate);
  }),
  step(2, 'a stream of the hold door breaks', { any }, async (fleet, { any }) => {
    const held = fleet.connections.filter(({ stream }) => stream);
    if (held.length > 0) fleet.break(nth(held, any));
  }),
  step(2, 'a gate dies', { gate }, async (fleet, { gate }) => fleet.kill(gate)),
  step(1, 'an Envoy dies', { worker }, async (fleet, { worker }) => fleet.crash(nth(fleet.workers, worker).proxy)),
  step(2, 'a gate is cut off', { gate, seconds: cutSeconds, when }, async (fleet, { gate, seconds, when }) => {
    fleet.cut(nth(fleet.gates, gate), seconds, when);
  }),
  step(1, 'the store is away', { seconds: cutSeconds, when }, async (fleet, { seconds, when }) => {
    fleet.cutAll(seconds, when);
  }),
  step(
    1,
    'the store is away for more than a ttl, and a log stream breaks just before it is back',
    { worker, gate, seconds: fc.integer({ min: 61, max: 120 }), before: fc.integer({ min: 1, max: 14 }) },
    async (fleet, { worker, gate, seconds, before }) => {
      fleet.cutAll(seconds, 'now');
      await fleet.pass(seconds - before, () => 'arrives');
      fleet.log.breakStream(nth(fleet.workers, worker), gate);
      await fleet.pass(before, () => 'arrives');
    },
  ),
  step(
    1,
    'the store is away for long, gates let clients in alone, one of them dies, and a rush when the store is back',
    { gate, pod, asked, seconds: fc.integer({ min: 20, max: 120 }), after: fc.integer({ min: 0, max: 4 }) },
    async (fleet, { gate, pod, asked, seconds, after }) => {
      fleet.cutAll(seconds, 'now');
      await rush(fleet, { pod, asked });
      await fleet.pass(seconds / 2, () => 'arrives');
      await fleet.kill(gate);
      await fleet.pass(seconds / 2 + after, () => 'arrives');
      await rush(fleet, { pod, asked });
    },
  ),
  step(1, 'the store loses everything', {}, async (fleet) => fleet.loseAll()),
  step(
    2,
    'the store loses everything, a gate finds it later than the other, and a rush',
    { gate, pod, asked, seconds: fc.integer({ min: 1, max: 58 }), before: fc.integer({ min: 0, max: 3 }) },
    async (fleet, { gate, pod, asked, seconds, before }) => {
      fleet.cut(nth(fleet.gates, gate), seconds, 'now');
      await fleet.loseAll();
      await fleet.pass(Math.max(0, seconds - before), () => 'arrives');
      await rush(fleet, { pod, asked });
    },
  ),
);

const outage = fc.constantFrom('share' as const, 'deny' as const, 'allow' as const);
const second = fc.constantFrom('renewed' as const, 'held' as const, 'unrenewed' as const);

it.each([
  ['', false, RUNS],
  [', where gates choose the pods', true, RUNS / 5],
] as const)(
  'no live connection is taken, the store lets nobody in over the limit, and in time the count is the truth%s',
  async (_, placed, runs) => {
    const options = fc.record({ outage, second, placed: fc.constant(placed) });
    await assertHolds(
      fc.asyncProperty(options, steps, async (options, steps) => {
        const fleet = new Fleet(options);
        await fleet.start();
        for (const each of steps) {
          await each.take(fleet);
          await fleet.check();
        }
        await fleet.settle();
        for (const { enrolment } of fleet.gates) enrolment.stop();
      }),
      runs,
    );
  },
  TIMEOUT_MS,
);
