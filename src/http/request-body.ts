/** What may stand in a request's body. */

import { z } from 'zod';

const REASON = 'text of 1 to 200 characters, in one line';

/** Why somebody does something, in words for people. */
export const reasonText = z.string(REASON).regex(/^[^\p{Cc}\u2028\u2029]{1,200}$/u, REASON);

export function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

/** Connections that are closed each second. */
export const closeRate = whole(1, 1000);
export const CLOSE_RATE = 100;
