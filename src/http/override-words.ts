/** What somebody has decided about a pod, in a few words for people. No module of Node's: the dashboard imports it. */

import type { OverrideBody } from './bodies.ts';

export function wordsOf({ kind, connections, by, until, reason, drain }: OverrideBody): string {
  const what = kind === 'limit' ? `limit ${connections}` : drain ? drainWords(drain) : 'cordoned';
  return `${what} by ${by}${until === null ? '' : ` until ${until}`}${reason === null ? '' : `: ${reason}`}`;
}

function drainWords({ rate, left, done }: NonNullable<OverrideBody['drain']>): string {
  if (done !== null) return `drained, ${left} left,`;
  return `draining at ${rate} a second${left === null ? '' : `, ${left} left`},`;
}
