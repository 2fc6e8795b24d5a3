/**
 * Programs that render Envoy's configuration as control planes do, built from the Go module registry: Go must be there.
 * Minutes each, once. Nothing but `npm run test:control-planes` needs them.
 */

import { join } from 'node:path';
import { cached } from './cache.mjs';
import { onPath, quietly } from './child.mjs';
import { step } from './step.mjs';

const ENVOY_GATEWAY = '1.9.1';

/** `egctl x translate`. @returns {Promise<string>} the program's path */
export function findEgctl() {
  return built(`egctl-${ENVOY_GATEWAY}`, 'egctl', async (program) => {
    const module = await download(`github.com/envoyproxy/gateway@v${ENVOY_GATEWAY}`);
    await build(module, program, './cmd/egctl');
  });
}

/**
 * @param {string} name
 * @param {string} program
 * @param {(program: string) => Promise<void>} make
 */
async function built(name, program, make) {
  const folder = await cached(`control-plane-${name}`, (into) =>
    step(`${name}, built by Go`, () => make(join(into, program))),
  );
  return join(folder, program);
}

/** @param {string} module with its version. @returns {Promise<string>} its folder */
async function download(module) {
  if (!onPath('go')) throw new Error(`Go is not on the PATH; ${module} is built with it`);
  return JSON.parse(await quietly('go', ['mod', 'download', '-json', module])).Dir;
}

/**
 * @param {string} module
 * @param {string} program
 * @param {string} source
 */
async function build(module, program, source) {
  const args = ['build', '-p', '2', '-mod=readonly', '-buildvcs=false', '-trimpath', '-o', program, source];
  await quietly('nice', ['go', ...args], { cwd: module });
}
