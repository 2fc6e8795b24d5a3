/** A pod that costs next to nothing: it answers the head of any request with 101, and then says nothing. */

import { type AddressInfo, createServer } from 'node:net';

const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
  'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {}); // 'close' follows
  let head = '';
  socket.on('data', (bytes) => {
    if (head.endsWith('\r\n\r\n')) return;
    head += bytes.toString('latin1');
    if (head.endsWith('\r\n\r\n')) socket.write(SWITCHING);
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log((server.address() as AddressInfo).port);
});
