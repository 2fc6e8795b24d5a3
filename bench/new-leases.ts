/** Checks that each ask for a lease of their own, as Envoy's do, and as h2load cannot. */

import { once } from 'node:events';
import { CHECK_PATH, framed, GrpcConnection, LOG_PATH } from './grpc-client.ts';
import { closedLoop } from './load.ts';
import { checkBytes, entryBytes, newStream, proxyName, type Stream } from './messages.ts';
import { allAdmitted, type Cost, costDuring, type Server } from './stand.ts';

const CONNECTIONS = 4;
const AT_ONCE = 64;
const PROXY = proxyName(0);

/** Resolves with what one of the Checks cost. Afterwards Envoy's log says that all of the connections have ended. */
export function takeNewLeases(server: Server, count: number, pods: number): Promise<Cost> {
  return takeLeases(
    server,
    Array.from({ length: count }, (_, i) => newStream(`pod${i % pods}`, PROXY)),
  );
}

/** As `takeNewLeases`, where the gate chooses the pod. `pod`: any of the service. */
export function placeNewLeases(server: Server, count: number, service: string, pod: string): Promise<Cost> {
  return takeLeases(
    server,
    Array.from({ length: count }, () => ({ ...newStream(pod, PROXY), service })),
  );
}

async function takeLeases(server: Server, streams: readonly Stream[]): Promise<Cost> {
  const count = streams.length;
  const frames = streams.map((stream) => framed(checkBytes(stream)));
  const first = await GrpcConnection.to(server.address, PROXY);
  const connections = [first];
  while (connections.length < CONNECTIONS) connections.push(await GrpcConnection.to(server.address, PROXY));
  let turn = 0;
  const ask = async (frame: Buffer) => connections[turn++ % CONNECTIONS]?.unary(CHECK_PATH, frame);
  const cost = await costDuring(server, count, () =>
    allAdmitted(server, count, () => closedLoop(frames, AT_ONCE, ask)),
  );
  const log = first.stream(LOG_PATH);
  for (const stream of streams) log.write(framed(entryBytes(stream, 'DownstreamEnd')));
  log.resume().end();
  await once(log, 'close'); // the gate has read all of it
  for (const connection of connections) connection.close();
  return cost;
}
