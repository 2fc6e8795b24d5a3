/**
 * Programs that render Envoy's configuration as control planes do, and Kubernetes itself, built from the Go module registry:
 * Go must be there. Minutes each, once. Nothing but `npm run test:control-planes` needs them.
 */

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, inScratch, root } from './cache.mjs';
import { onPath, quietly } from './child.mjs';
import { step } from './step.mjs';

const ENVOY_GATEWAY = '1.9.1';
/** Istio tags its releases without a `v`, so the registry knows commits only. */
const ISTIO = 'v0.0.0-20260827124520-eed52ebb66ad';

const KUBERNETES = '1.36.3';
const OF_KUBERNETES = { etcd: 'go.etcd.io/etcd/server/v3', 'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver' };

/** `egctl x translate`. @returns {Promise<string>} the program's path */
export function findEgctl() {
  return built(`egctl-${ENVOY_GATEWAY}`, 'egctl', async (program) => {
    const module = await download(`github.com/envoyproxy/gateway@v${ENVOY_GATEWAY}`);
    await build(module, program, './cmd/egctl');
  });
}

/** test/control-planes/istio/render.go. @returns {Promise<string>} the program's path */
export function findIstioRenderer() {
  const source = join(root, 'test/control-planes/istio/render.go');
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 8);
  return built(`istio-${ISTIO}-${digest}`, 'istio-render', async (program) => {
    const module = await download(`istio.io/istio@${ISTIO}`);
    // One of Istio's own packages: then the versions are those of Istio's go.sum. Go allows none beside the module in its
    // cache, so in a copy.
    await inScratch(async (scratch) => {
      const copy = join(scratch, 'istio');
      await quietly('cp', ['-r', '--no-preserve=mode', module, copy]);
      mkdirSync(join(copy, 'wsgate-render'));
      copyFileSync(source, join(copy, 'wsgate-render/main.go'));
      await build(copy, program, './wsgate-render');
    });
  });
}

/** Kubernetes' API server, and the etcd that it was made with. @returns {Promise<string>} the folder that has both */
export function findKubernetes() {
  return cached(`control-plane-kubernetes-${KUBERNETES}`, (into) =>
    step(`kube-apiserver ${KUBERNETES} and etcd, built by Go`, async () => {
      const module = await download(`k8s.io/kubernetes@v${KUBERNETES}`);
      // Its go.mod looks for parts of it in folders that the registry has as modules of their own.
      await inScratch(async (scratch) => {
        const goMod = readFileSync(join(module, 'go.mod'), 'utf8')
          .replace(/^module .*/m, 'module wsgate')
          .replace(/=> \.\/staging\/src\/(\S+)/g, `=> $1 ${KUBERNETES.replace(/^1/, 'v0')}`);
        writeFileSync(join(scratch, 'go.mod'), goMod);
        copyFileSync(join(module, 'go.sum'), join(scratch, 'go.sum'));
        await quietly('go', ['mod', 'edit', `-require=k8s.io/kubernetes@v${KUBERNETES}`], { cwd: scratch });
        for (const [program, source] of Object.entries(OF_KUBERNETES)) {
          await build(scratch, join(into, program), source, 'mod');
        }
      });
    }),
  );
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
 * @param {'readonly' | 'mod'} mode `mod`: what the module lacks may be added
 */
async function build(module, program, source, mode = 'readonly') {
  const args = ['build', '-p', '2', `-mod=${mode}`, '-buildvcs=false', '-trimpath', '-o', program, source];
  await quietly('nice', ['go', ...args], { cwd: module });
}
