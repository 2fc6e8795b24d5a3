/** The fuzzer's messages, one after the other; the same ones for the same seed. */

import { streamOf } from '../fleet/messages.ts';
import type { Random } from '../fleet/random.ts';
import { encodeCheck, encodeLog } from './envoy.ts';
import { checkOf, entryOf, messageOf, rawCheckOf } from './messages.ts';
import { checkMonsters, logMonsters } from './monsters.ts';
import { mutate } from './mutations.ts';

export interface BadMessage {
  readonly service: 'check' | 'log';
  readonly bytes: Buffer;
  /** For people to read. */
  readonly how: string;
}

const TYPES = ['DownstreamTunnelSuccessfullyEstablished', 'DownstreamPeriodic', 'DownstreamEnd'] as const;
/** Monsters are rare: each takes a hundred times as long as another message. */
const MUTANTS_PER_MONSTER = 25;

const monsters = [
  ...Object.entries(checkMonsters).map(([how, make]) => ({ service: 'check' as const, how, make })),
  ...Object.entries(logMonsters).map(([how, make]) => ({ service: 'log' as const, how, make })),
];
/** So many messages meet each monster once. */
export const ROUND = monsters.length * (1 + MUTANTS_PER_MONSTER);

export function* badMessages(random: Random): Generator<BadMessage, never> {
  for (let number = 0; ; ) {
    for (const { service, how, make } of monsters) {
      yield { service, how, bytes: make(random) };
      for (let mutants = 0; mutants < MUTANTS_PER_MONSTER; mutants += 1) {
        number += 1;
        yield random.below(2) === 0
          ? { service: 'check', ...mutate(goodCheck(number, random), random) }
          : { service: 'log', ...mutate(goodLog(number, random), random) };
      }
    }
  }
}

function goodCheck(number: number, random: Random): Buffer {
  return encodeCheck(random.oneOf([checkOf, rawCheckOf])(streamOf(number), 'fuzzed'));
}

function goodLog(number: number, random: Random): Buffer {
  const lease = random.oneOf([undefined, `proxy_fuzz_${number}-192.0.2.8:1`]);
  const entry = () => entryOf(streamOf(number), 'fuzzed', random.oneOf(TYPES), lease);
  return encodeLog(messageOf(entry(), entry()));
}
