/** Names as Kubernetes gives them to the pods of deployments: `checkout-websocket-gateway-7d9f8c6b5d-x2x9k`. */

import type { Random } from './random.ts';

/** Those that Kubernetes uses: no vowels, so no words come about. */
const LETTERS = [...'bcdfghjklmnpqrstvwxz2456789'];
const HASH_LENGTH = 10;
const SUFFIX_LENGTH = 5;

/** So many of them, evenly of these deployments. */
export function kubernetesNames(deployments: readonly string[], count: number, random: Random): string[] {
  const word = (length: number) => Array.from({ length }, () => random.oneOf(LETTERS)).join('');
  const prefixes = deployments.map((deployment) => `${deployment}-${word(HASH_LENGTH)}`);
  return Array.from({ length: count }, (_, index) => `${prefixes[index % prefixes.length]}-${word(SUFFIX_LENGTH)}`);
}
