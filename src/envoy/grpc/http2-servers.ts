/**
 * The HTTP/2 servers beneath a grpc-js server: one for each address of its host name. grpc-js does not give access to
 * them, and has no options for what has to be set on them. Node's diagnostics channel tells of every server that begins
 * to listen; those with the port or path that grpc-js was given are its own.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Server } from 'node:http2';
import type { Address } from '../../config/address.ts';

const CHANNEL = 'tracing:net.server.listen:asyncStart';

/**
 * `bind` resolves with the port. What the caller does to the servers at once is done before the first connection. No
 * servers: this version of grpc-js listens in another way.
 */
export async function http2ServersOf(
  address: Address,
  bind: () => Promise<number>,
): Promise<{ readonly port: number; readonly servers: readonly Http2Server[] }> {
  const begun: Http2Server[] = [];
  const note = (message: unknown) => void begun.push((message as { server: Http2Server }).server);
  subscribe(CHANNEL, note);
  try {
    const port = await bind();
    const servers = begun.filter((server) => {
      const at = server.address();
      return typeof at === 'string' ? address.kind === 'unix' && at === address.path : at?.port === port;
    });
    return { port, servers };
  } finally {
    unsubscribe(CHANNEL, note);
  }
}
