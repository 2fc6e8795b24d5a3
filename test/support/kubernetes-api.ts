/**
 * What of Kubernetes' API a watcher of EndpointSlices needs, as its documentation has it, and its troubles: an HTTP server.
 * test/control-planes/endpoint-slices.test.ts uses the real one.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';

interface Watcher {
  readonly response: ServerResponse;
  readonly selector: string | null;
}

export function kubeconfigOf(cluster: object, user: object = {}): string {
  return JSON.stringify({
    clusters: [{ name: 'api', cluster }],
    users: [{ name: 'gate', user }],
    contexts: [{ name: 'api', context: { cluster: 'api', user: 'gate' } }],
    'current-context': 'api',
  });
}

export async function startKubernetesApi() {
  const slices = new Map<string, V1EndpointSlice>();
  const watchers = new Set<Watcher>();
  const asked: string[] = [];
  let version = 1;
  let oldest = 1;
  const history: { version: number; type: string; object: V1EndpointSlice }[] = [];
  let trouble: number | 'silence' | undefined;

  const fits = ({ metadata }: V1EndpointSlice, selector: string | null) => {
    const [label = '', value] = (selector ?? '').split('=');
    return metadata?.labels?.[label] === value;
  };
  const send = ({ response, selector }: Watcher, type: string, object: V1EndpointSlice) => {
    if (fits(object, selector)) response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const change = (type: string, slice: V1EndpointSlice) => {
    version += 1;
    const object = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(version) } };
    history.push({ version, type, object });
    for (const watcher of watchers) send(watcher, type, object);
    return object;
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://api');
    const isWatch = url.searchParams.get('watch') === 'true';
    asked.push(isWatch ? 'watch' : 'list');
    if (trouble === 'silence') return;
    response.setHeader('content-type', 'application/json');
    if (trouble !== undefined || url.pathname !== '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices') {
      response.writeHead(trouble ?? 404).end(JSON.stringify({ kind: 'Status', code: trouble ?? 404 }));
      return;
    }
    const selector = url.searchParams.get('labelSelector');
    if (!isWatch) {
      const items = [...slices.values()].filter((slice) => fits(slice, selector));
      response.end(
        JSON.stringify({ kind: 'EndpointSliceList', metadata: { resourceVersion: String(version) }, items }),
      );
      return;
    }
    response.writeHead(200).flushHeaders();
    const watcher = { response, selector };
    const since = Number(url.searchParams.get('resourceVersion'));
    if (since < oldest) {
      const object = { kind: 'Status', code: 410, reason: 'Expired' };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    for (const each of history) if (each.version > since) send(watcher, each.type, each.object);
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    /** Writes it, and returns its name. */
    kubeconfig(file: string) {
      const cluster = { server: url, 'insecure-skip-tls-verify': true };
      writeFileSync(file, kubeconfigOf(cluster));
      return file;
    },
    /** How often it was asked for a list, or a watch. */
    asked: (what: 'list' | 'watch') => asked.filter((each) => each === what).length,
    put(slice: V1EndpointSlice) {
      const name = slice.metadata?.name ?? '';
      slices.set(name, change(slices.has(name) ? 'MODIFIED' : 'ADDED', slice));
    },
    remove(name: string) {
      const slice = slices.get(name);
      if (slice) change('DELETED', slice);
      slices.delete(name);
    },
    /** From now on every request is answered with this code, or not at all. Undefined: as it should be. */
    answerWith(code: number | 'silence' | undefined) {
      trouble = code;
    },
    /** Forgets what was before, as etcd does every five minutes. */
    compact() {
      oldest = version;
    },
    endWatches() {
      for (const { response } of watchers) response.end();
    },
    breakWatches() {
      for (const { response } of watchers) response.destroy();
    },
    watches: () => watchers.size,
  };
}
