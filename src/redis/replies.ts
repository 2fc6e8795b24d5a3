/**
 * What an error of Redis means, by its code. Redis begins an error with the code. Services in front of it, and scripts in
 * some versions, put words before it (`ERR Error running script: -OOM …`), and every product words the rest in its own way.
 */

/** Errors that every call gets, and a probe too. OOM is not one of them: only acquires get it. */
const UNFIT = ['READONLY', 'MASTERDOWN', 'LOADING', 'MISCONF', 'NOREPLICAS', 'CLUSTERDOWN', 'NOAUTH', 'BUSY'] as const;
const CODES = [...UNFIT, 'OOM', 'NOSCRIPT', 'NOPERM', 'MOVED', 'ASK', 'TRYAGAIN'] as const;
type Code = (typeof CODES)[number];

/** A word of its own: a code in quotes or in the name of a key is somebody's text. */
const CODE = new RegExp(`(?:^|\\s)-?(${CODES.join('|')})(?=[\\s.:]|$)`);

/** The first known code in the text of an error. */
export function codeOf(text: string): Code | undefined {
  return CODE.exec(text)?.[1] as Code | undefined;
}

/** Whether a Redis that answers this must not be used now. */
export function isUnfit(text: string): boolean {
  const code = codeOf(text);
  return UNFIT.some((unfit) => unfit === code);
}

/** Redis itself has answered with an error. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

export function hasCode(error: unknown, ...codes: readonly Code[]): boolean {
  const code = isReply(error) ? codeOf(error.message) : undefined;
  return code !== undefined && codes.includes(code);
}
