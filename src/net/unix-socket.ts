/** The file of a unix socket outlives a killed process, and nobody can listen at its path while it is there. */

import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

export class SocketInUse extends Error {
  constructor() {
    super('another process listens there');
  }
}

/** Removes the file of a socket where nobody listens any more. Rejects when somebody does, or it is another file. */
export async function removeStaleSocket(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined); // a bad path is told by whoever listens there
  if (!file) return;
  if (!file.isSocket()) throw new Error('a file is there that is no socket');
  const refusal = await connectTo(path);
  if (refusal === undefined) throw new SocketInUse();
  if (refusal === 'ECONNREFUSED') await unlink(path);
}

/** The error's code, or nothing if somebody answers. */
function connectTo(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(undefined));
    socket.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => resolve(code));
    socket.once('connect', () => socket.destroy());
  });
}
