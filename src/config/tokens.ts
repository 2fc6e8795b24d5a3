/** One entry of `http.tokens`: a secret that may do everything, or one with a name and scopes. */

import { z } from 'zod';
import { SCOPES } from '../access.ts';
import { oneOf, text } from './notations.ts';

const SECRET = 'text of at least 16 visible ASCII characters, no whitespace';
const secret = text(SECRET, /^[\x21-\x7e]{16,}$/);

export const token = z.union(
  [
    secret,
    z.strictObject({
      name: text('a name: letters, digits, . _ : @ -, at most 100', /^[A-Za-z0-9._:@-]{1,100}$/),
      token: secret,
      scopes: z.array(oneOf(SCOPES), 'a list of scopes').min(1, 'at least one scope'),
    }),
  ],
  `${SECRET}; or {name: NAME, token: TEXT, scopes: [${SCOPES.join(', ')}]}`,
);
