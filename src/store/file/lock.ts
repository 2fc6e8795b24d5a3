/**
 * Keeps a second gate off the file: a unix socket beside it, at which its owner listens. A crash leaves the socket's
 * file, but nobody listens there any more, so the next start takes it over. A process id in a file would not do: in
 * containers every gate has the same.
 *
 * It keeps apart the gates of one machine. Those of several that share a folder over a network do not see each other.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { removeStaleSocket, SocketInUse } from '../../net/unix-socket.ts';
import { explain } from '../../system-error.ts';

/** What a socket's address holds is shorter than what a path may be. */
const PATH_BYTES_MAX = 100;

export type Lock =
  | { readonly held: true; release(): Promise<void> }
  /** There can be none here: the folder cannot be written, or its file system has no sockets. */
  | { readonly held: false; readonly problem: string };

/** Rejects with `SocketInUse` when another gate has it. */
export async function lock(path: string): Promise<Lock> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    return { held: false, problem: `the path of its lock, ${path}, is longer than ${PATH_BYTES_MAX} bytes` };
  }
  const server = createServer((socket) => socket.destroy());
  try {
    await removeStaleSocket(path);
    server.listen(path);
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof SocketInUse) throw error;
    if (isAddressInUse(error)) throw new SocketInUse(); // by somebody whose socket this user may not ask
    return { held: false, problem: explain(error) };
  }
  server.unref();
  return {
    held: true,
    release: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
