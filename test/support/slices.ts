/** EndpointSlices as Kubernetes' own controller writes them. */

import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';

interface SlicePod {
  readonly address: string;
  readonly state?: 'ready' | 'starting' | 'leaving';
  readonly zone?: string;
  readonly uid?: string;
}

const CONDITIONS = {
  ready: { ready: true, serving: true, terminating: false },
  starting: { ready: false, serving: false, terminating: false },
  leaving: { ready: false, serving: true, terminating: true },
};

/** Of the Service `chat` in `prod`. */
export function sliceOf(name: string, pods: readonly SlicePod[], more: Partial<V1EndpointSlice> = {}): V1EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'prod', labels: { 'kubernetes.io/service-name': 'chat', app: 'chat' } },
    addressType: 'IPv4',
    ports: [
      { name: 'ws', port: 8080, protocol: 'TCP' },
      { name: 'admin', port: 9000, protocol: 'TCP' },
    ],
    endpoints: pods.map(endpointIn),
    ...more,
  };
}

function endpointIn({ address, state = 'ready', zone, uid = `uid of ${address}` }: SlicePod): V1Endpoint {
  return {
    addresses: [address],
    conditions: CONDITIONS[state],
    ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: 'Pod', name: `chat-${address}`, namespace: 'prod', uid },
  };
}
