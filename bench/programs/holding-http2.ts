/** A floor: node:http2 alone, with streams that stay open. It answers each message with an empty one. */

import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

const EMPTY_MESSAGE = Buffer.alloc(5);

const server = createServer();
server.on('stream', (stream) => {
  stream.on('error', () => {}); // a client that left
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('data', () => stream.write(EMPTY_MESSAGE));
  stream.on('end', () => stream.end());
});
server.listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port);
});
