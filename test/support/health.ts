/** A client of grpc.health.v1. */

import { type ChannelCredentials, credentials, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

interface Answer {
  readonly status: string;
}

export interface HealthClient {
  /** The status, or the error's details. */
  check(name?: string): Promise<string>;
  /** Each status that is told from now on; `ended` settles when the server ends the call. */
  watch(): { readonly statuses: readonly string[]; readonly ended: Promise<void> };
  close(): void;
}

export function connectHealth(
  address: string,
  channel: ChannelCredentials = credentials.createInsecure(),
): HealthClient {
  const { Check, Watch } = service;
  if (!Check || !Watch) throw new Error('no health service');
  const client = new (makeClientConstructor(service, 'Health'))(address, channel);
  return {
    check: (name = '') =>
      new Promise((resolve) => {
        const answered = (error: ServiceError | null, answer?: Answer) =>
          resolve(error ? error.details : (answer?.status ?? ''));
        client.makeUnaryRequest(
          Check.path,
          Check.requestSerialize,
          (bytes) => Check.responseDeserialize(bytes) as Answer,
          { service: name },
          answered,
        );
      }),
    watch() {
      const call = client.makeServerStreamRequest(
        Watch.path,
        Watch.requestSerialize,
        (bytes) => Watch.responseDeserialize(bytes) as Answer,
        { service: '' },
      );
      const statuses: string[] = [];
      call.on('data', ({ status }: Answer) => statuses.push(status));
      const ended = new Promise<void>((resolve) => {
        call.on('error', () => resolve());
        call.on('end', () => resolve());
      });
      return { statuses, ended };
    },
    close: () => client.close(),
  };
}
