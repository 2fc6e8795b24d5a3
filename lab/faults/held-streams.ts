/** The streams of the hold door that an Envoy has open, as it counts them itself. */

import type { Envoy } from '../fleet/envoy.ts';

interface Clusters {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address: { readonly socket_address?: { readonly port_value: number } };
      readonly stats: readonly { readonly name: string; readonly value?: string }[];
    }[];
  }[];
}

/** By the port that they lead to. In hold.yaml, all that goes to this cluster is streams of the hold door. */
export async function heldStreams(envoy: Envoy): Promise<Map<number, number>> {
  const answer = await fetch(`http://127.0.0.1:${envoy.adminPort}/clusters?format=json`);
  const { cluster_statuses: clusters } = (await answer.json()) as Clusters;
  const hosts = clusters.find(({ name }) => name === 'wsgate')?.host_statuses ?? [];
  return new Map(
    hosts.map(({ address, stats }) => [
      address.socket_address?.port_value ?? 0,
      Number(stats.find(({ name }) => name === 'rq_active')?.value ?? 0),
    ]),
  );
}
