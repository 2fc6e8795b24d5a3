/** Folders for files that only this process and its children need. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folder {
  readonly path: string;
  remove(): void;
}

// One listener for all of them: a busy test lends more than Node thinks is healthy on one emitter.
const lent = new Set<string>();
process.once('exit', () => lent.forEach(removeFolder));

/** Lends an empty folder. It is gone when this process exits, if its borrower has not removed it before. */
export function lendFolder(name: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `wsgate-${name}-`));
  lent.add(path);
  return { path, remove: () => removeFolder(path) };
}

function removeFolder(path: string): void {
  lent.delete(path);
  rmSync(path, { recursive: true, force: true });
}
