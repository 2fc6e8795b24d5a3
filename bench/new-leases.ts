/** Checks that each ask for a lease of their own, as Envoy's do, and as h2load cannot. */

import { once } from 'node:events';
import { proxyName } from './crowd.ts';
import { CHECK_PATH, framed, GrpcConnection, LOG_PATH } from './grpc-client.ts';
import { closedLoop } from './load.ts';
import { checkBytes, entryBytes, newStream, type Stream } from './messages.ts';
import { allAdmitted, type Cost, costDuring, type Server } from './stand.ts';

const CONNECTIONS = 4;
const AT_ONCE = 64;
const PROXY = proxyName(0);

/** Resolves with what the Checks cost. Afterwards Envoy's log says that all of the connections have ended. */
export async function takeNewLeases(server: Server, count: number, pods: number): Promise<Cost> {
  const streams = Array.from({ length: count }, (_, i) => newStream(`pod${i % pods}`, PROXY));
  const frames = streams.map((stream) => framed(checkBytes(stream)));
  const open = () => GrpcConnection.to(server.address, PROXY);
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const turns = (function* () {
    for (;;) yield* connections;
  })();
  const cost = await costDuring(server, () =>
    allAdmitted(server, count, () =>
      closedLoop(frames, AT_ONCE, async (frame) => turns.next().value?.unary(CHECK_PATH, frame)),
    ),
  );
  await sayEnded(connections, streams);
  for (const connection of connections) connection.close();
  return cost;
}

async function sayEnded([connection]: readonly GrpcConnection[], streams: readonly Stream[]): Promise<void> {
  const log = connection?.stream(LOG_PATH);
  if (log === undefined) return;
  for (const stream of streams) log.write(framed(entryBytes(stream, 'DownstreamEnd')));
  log.resume().end();
  await once(log, 'close'); // the gate has read all of it
}
