/** The fault bench in short, as a command: the whole of it is `npm run faults`, in docs/faults.md and in .ci/run. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FAULTS } from '../../lab/faults/list.ts';
import { planOf } from '../../lab/faults/plan.ts';
import { trialsOf } from '../../lab/faults/trials.ts';
import { Random } from '../../lab/fleet/random.ts';

const BENCH = fileURLToPath(new URL('../../lab/faults.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BENCH, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    );
  });
}

/** What was done: each action, each open and each close, in order; and the digest of it. */
function done(output: string): string[] {
  const told = output.split('\n').flatMap((line) => /^ *\d+\.\d s {3}(.*)/.exec(line)?.[1] ?? []);
  return told.map((what) => what.replace(/;.*/, '')).filter((what) => !/^(holds|BROKEN)/.test(what));
}

it(
  'all bounds hold when Redis restarts empty, when an Envoy stops, when all clients reconnect at once',
  async () => {
    const { code, output } = await run('--short');
    expect(code, output).toBe(0);
    expect(output).toMatch(/3 of 3 hold/);
  },
  TIMEOUT_MS,
);

it(
  'all bounds hold by overrides of all limits, when Redis restarts empty and when it fails over',
  async () => {
    const { code, output } = await run('--short', '--overridden', '--only', 'redis-restart-empty,redis-failover');
    expect(code, output).toBe(0);
    expect(output).toMatch(/2 of 2 hold/);
  },
  TIMEOUT_MS,
);

it(
  'all bounds hold where the gates choose the pods, when Redis restarts empty and when a gate dies',
  async () => {
    const { code, output } = await run('--short', '--placed', '--only', 'redis-restart-empty,gate-sigkill');
    expect(code, output).toBe(0);
    expect(output).toMatch(/2 of 2 hold/);
  },
  TIMEOUT_MS,
);

it(
  'does the same things in the same order for the same seed',
  async () => {
    const fault = ['--only', 'redis-restart-empty', '--short', '--verbose'];
    const runs = ['7', '7'].map(async (seed) => done((await run(...fault, '--seed', seed)).output));
    const [first = [], second] = await Promise.all(runs);
    expect(first).toContain('SIGKILL Redis');
    expect(first.filter((what) => /^(open|close|reset) pod/.test(what)).length).toBeGreaterThan(50);
    expect(first.at(-1)).toMatch(/^did \d+ things, digest [0-9a-f]{12}$/);
    expect(second).toEqual(first);
  },
  TIMEOUT_MS,
);

it('with alternating policies, each fault is run once, half of them under each policy', () => {
  const trials = trialsOf(FAULTS, { policies: 'alternate' });
  const throughLog = FAULTS.filter(({ notThrough }) => notThrough?.log === undefined);
  expect(trials.map(({ fault }) => fault)).toEqual(throughLog);
  const shared = trials.filter(({ policy }) => policy === 'share').length;
  expect(Math.abs(2 * shared - throughLog.length)).toBeLessThanOrEqual(2);
});

it('with both policies, each fault is run under share and under deny', () => {
  const names = ['gate-sigkill', 'two-at-once'];
  const trials = trialsOf(FAULTS, { policies: 'both', names }).map(({ fault, policy }) => `${fault.name} ${policy}`);
  expect(trials).toEqual(['gate-sigkill share', 'gate-sigkill deny', 'two-at-once share', 'two-at-once deny']);
});

it('plans the same for the same seed, and other things for another', () => {
  const planned = (seed: string) => {
    const random = new Random(seed);
    const actions = FAULTS.flatMap((fault) => fault.actions(random));
    const steps = planOf({ actions, churn: { each: 1, closes: 1 / 3 }, beforeMs: 5_000, afterMs: 0 }, random);
    return steps.flatMap((step) => [...step.actions, ...step.churn].map(({ what }) => what));
  };
  expect(planned('7')).toEqual(planned('7'));
  expect(planned('8')).not.toEqual(planned('7'));
});
