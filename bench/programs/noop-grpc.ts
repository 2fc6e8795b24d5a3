/** A floor: a grpc-js server with the gate's protos that says yes to every Check, and listens to the log. */

import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { CheckResponse } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';

/** As long as what a gate answers. */
const YES: CheckResponse = {
  status: { code: 0 },
  okResponse: {
    headers: [
      {
        header: { key: 'x-connection-id', value: 'proxy_a_dgpr9z4hpbw1-127.0.0.1:54321' },
        appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD',
      },
    ],
  },
  dynamicMetadata: {
    fields: { lease: { stringValue: 'proxy_a_dgpr9z4hpbw1-127.0.0.1:54321' }, pod: { stringValue: 'pod1' } },
  },
};

const { authorization, accessLog } = loadServices();
const server = new Server();
server.addService(authorization, {
  Check: (_call: unknown, callback: (error: null, answer: CheckResponse) => void) => callback(null, YES),
});
server.addService(accessLog, {
  StreamAccessLogs: (call: NodeJS.ReadableStream, callback: (error: null, answer: object) => void) => {
    call.resume();
    call.on('end', () => callback(null, {}));
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
