/** Why somebody does something, in words for people. */

import { z } from 'zod';

const REASON = 'text of 1 to 200 characters, in one line';

export const reasonText = z.string(REASON).regex(/^[^\p{Cc}\u2028\u2029]{1,200}$/u, REASON);
