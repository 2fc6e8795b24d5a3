/**
 * `npm run fuzz`: a gate under bytes that no Envoy would send.
 *
 * A gate reads what proxies send it, and parts of that are clients' to choose. So whatever arrives, it may cost the
 * gate one answer, and nothing else. This is how it is tried:
 *
 * Two Envoys, as far as gRPC goes, talk to a real gate in a process of its own. The bad one sends a broken message
 * after the other: Checks and access log messages as Envoy makes them, in which bits, bytes, lengths, strings and map
 * entries were then changed, cut, repeated or put where they don't belong (`fuzz/mutations.ts`); now and then one that
 * is built to cost, of a million parts or a thousand levels (`fuzz/monsters.ts`). Each is sent only when the one before
 * has been dealt with, so that what goes wrong can be put down to one message.
 *
 * The good one holds a number of connections all the while, and beside each bad message opens and closes another. So
 * these are found:
 * - a crash: the gate's process ends, or it logs a bug of its own;
 * - a stall: a good Check takes longer than `STALL_MS`, or a bad one gets no answer at all;
 * - a stream of many lost for a message of one: the gate ends the bad Envoy's log stream;
 * - growth: when the bad Envoy has fallen silent and its made-up leases have expired, the gate's heap, garbage taken
 *   out, is larger than before by more than `GROWTH_BYTES`;
 * - a leak: by then, the gate does not count exactly the connections that the good Envoy holds.
 *
 * The messages are the same for the same seed, which is printed. How far a run gets in its time is the machine's to
 * say: to find a message again, give the same seed and at least the same time.
 */

import { command, parse, positive, wholeNumber } from './command.ts';
import { Progress } from './fleet/progress.ts';
import { attack } from './fuzz/attack.ts';

const USAGE = `Sends a gate bytes that no Envoy would send, and watches what becomes of it.

  npm run fuzz -- --seconds 60 --seed 1

  --seconds N   how long; 60 if not given
  --seed N      the same messages again; a new one if not given

Ctrl-C ends it early. Exit code: 0; 1 when something is wrong with the gate; 2 for a command line that makes no sense.
`;

async function main(args: string[]): Promise<number> {
  const given = parse(args, {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  });
  const [seed, forMs] = [wholeNumber('--seed', given.seed), positive('--seconds', given.seconds) * 1000];
  console.log(`Seed ${seed}, ${forMs / 1000} s.`);
  const progress = new Progress(process.stderr);
  let interrupted = false;
  process.once('SIGINT', () => {
    interrupted = true;
  });
  const endAt = performance.now() + forMs;
  const isEnough = (sent: number, slowestMs: number) => {
    progress.show(`${sent} bad messages; the slowest good Check: ${slowestMs.toFixed(0)} ms`);
    return interrupted || performance.now() > endAt;
  };
  const { problems, ...found } = await attack({ seed, isEnough });
  progress.clear();
  const { sent, slowestMs, slowestBeside, heapBeforeBytes, heapAfterBytes } = found;
  console.log(`${sent} bad messages.`);
  console.log(`The slowest good Check took ${slowestMs.toFixed(0)} ms, beside ${slowestBeside}.`);
  console.log(`Heap in use: ${mebibytes(heapBeforeBytes)} before, ${mebibytes(heapAfterBytes)} after.`);
  for (const problem of problems) console.log(`WRONG: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

await command(USAGE, main);
