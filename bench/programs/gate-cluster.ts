/**
 * Several gates on one port, by Node's cluster: `gate-cluster.ts N CONFIG_FILE`. Says the ids of all processes when all
 * of them listen.
 */

import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';

/** gRPC and HTTP. */
const ADDRESSES = 2;

const [processes, config] = process.argv.slice(2);
cluster.setupPrimary({
  exec: fileURLToPath(new URL('../../src/main.ts', import.meta.url)),
  args: ['serve', '--config', String(config)],
});
let listening = 0;
cluster.on('listening', () => {
  listening += 1;
  if (listening !== ADDRESSES * Number(processes)) return;
  const workers = Object.values(cluster.workers ?? {});
  console.log([process.pid, ...workers.map((worker) => worker?.process.pid)].join(' '));
});
for (let i = 0; i < Number(processes); i += 1) cluster.fork();
// Without this process its workers end, too.
process.on('SIGTERM', () => {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.kill('SIGTERM');
});
