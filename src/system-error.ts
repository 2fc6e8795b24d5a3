/** What the system says of a failed call, for people: Node's own message begins with a code and ends with the call. */

import { getSystemErrorMessage } from 'node:util';

export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, message } = error as NodeJS.ErrnoException;
  return (errno === undefined ? undefined : getSystemErrorMessage(errno)) ?? message;
}
