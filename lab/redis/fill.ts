/** Leases in a Redis, as if each proxy's access log had told of them: large fleets, without their Envoys. */

import {
  type LeaseId,
  leaseId,
  type PodId,
  type ProxyId,
  parsePodId,
  parseProxyId,
  streamIdentity,
} from '../../src/admission/ids.ts';
import { openStore } from './store.ts';

export interface FilledPod {
  readonly pod: string;
  readonly connections: number;
}

const TTL_MS = 3_600_000;
const PATH = '/chat';

/** Rejects unless as many leases were made as were asked for. */
export async function fillRedis(url: string, pods: readonly FilledPod[], proxies: readonly string[]): Promise<void> {
  const store = await openStore(url, { deadlineMs: 60_000 });
  try {
    const proxyIds = proxies.map((name) => known(parseProxyId(name), name));
    const podIds = pods.map(({ pod }) => known(parsePodId(pod), pod));
    const startNs = BigInt(Date.now()) * 1_000_000n;
    const most = Math.max(0, ...pods.map(({ connections }) => connections));
    // Pods may have leases of the same names: each has its own set.
    const leases = Array.from({ length: most }, (_, index) => leaseOf(proxyIds, index, startNs));
    const holders = leases.map((lease) => ({ lease, holder: { state: 'live', path: PATH } }) as const);
    const answers = await Promise.all(
      podIds.map((pod, index) => store.renew(pod, holders.slice(0, pods[index]?.connections), TTL_MS)),
    );
    const created = answers.reduce((sum, answer) => sum + (answer.ok ? answer.value.created : 0), 0);
    const asked = pods.reduce((sum, { connections }) => sum + connections, 0);
    if (created !== asked) throw new Error(`${created} leases were made instead of ${asked}`);
    await store.heartbeat({
      gate: 'filler',
      proxies: proxyIds,
      pods: podIds,
      gateSilentMs: 60_000,
      proxySilentMs: 60_000,
    });
    await store.leave('filler');
  } finally {
    await store.close();
  }
}

function leaseOf(proxies: readonly ProxyId[], index: number, startNs: bigint): LeaseId {
  const proxy = known(proxies[index % proxies.length], 'no proxy');
  return leaseId(proxy, streamIdentity(startNs + BigInt(index), `192.0.2.1:${index}`));
}

function known<T extends PodId | ProxyId>(id: T | undefined, name: string): T {
  if (id === undefined) throw new Error(`no name of a pod or proxy: ${name}`);
  return id;
}
