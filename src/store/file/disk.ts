/** The file on the disk: read as a whole, and replaced as a whole, so that there is never half of one. */

import { open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Clients' addresses and the paths that they asked for are nobody else's business. */
const OWNER_ONLY = 0o600;

/** Rejects when it cannot be read; undefined when there is none. */
export async function readWhole(path: string): Promise<Buffer | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return undefined;
  if (!found.isFile()) throw new NoFile(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
  const handle = await open(path);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

export class NoFile extends Error {}

/** The chunks become the file. A crash at any moment leaves the old file or the new one. */
export async function replace(path: string, chunks: Iterable<Buffer>): Promise<void> {
  const fresh = `${path}.new`;
  const handle = await open(fresh, 'w', OWNER_ONLY);
  try {
    for (const chunk of chunks) await handle.writeFile(chunk); // between two, the process does what else there is to do
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, path);
  await syncFolder(dirname(path));
}

/** Only then does the new name outlive a machine that loses its power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
