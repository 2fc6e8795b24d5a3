/** How long a slot stays taken after Envoy's log entry of a close, as the next client sees it. */

import { loadServices } from '../src/envoy/protos.ts';
import type { Crowd } from './crowd.ts';
import { CHECK_PATH, framed, GrpcConnection } from './grpc-client.ts';
import { checkBytes, newStream, proxyName, type Stream } from './messages.ts';

export const FULL_POD = 'full';
/** For the gate's configuration. */
export const FULL_POD_LIMIT = 10;
const PROXY = proxyName(0);

const { responseDeserialize } = loadServices().authorization.Check;

export class FullPod {
  readonly #connection: GrpcConnection;
  readonly #crowd: Crowd;
  readonly #streams: Stream[] = [];

  private constructor(connection: GrpcConnection, crowd: Crowd) {
    this.#connection = connection;
    this.#crowd = crowd;
  }

  /** Fills the pod's slots. */
  static async at(address: string, crowd: Crowd): Promise<FullPod> {
    const pod = new FullPod(await GrpcConnection.to(address, PROXY), crowd);
    for (let i = 0; i < FULL_POD_LIMIT; i += 1) {
      if (!(await pod.#admits(newStream(FULL_POD, PROXY)))) throw new Error('an empty pod admits nobody');
    }
    if (await pod.#admits(newStream(FULL_POD, PROXY))) throw new Error('a full pod admits somebody');
    return pod;
  }

  /** Ends one connection after the other for so long; resolves with how long each slot stayed taken, ms. */
  async delaysMs(forMs: number): Promise<number[]> {
    const found: number[] = [];
    const beganMs = performance.now();
    while (performance.now() - beganMs < forMs) {
      const ended = this.#streams.shift();
      if (ended === undefined) throw new Error('nobody is left to end');
      const startedMs = performance.now();
      this.#crowd.say(ended, 'DownstreamEnd');
      const successor = newStream(FULL_POD, PROXY);
      while (!(await this.#admits(successor))); // each answer takes its time
      found.push(performance.now() - startedMs);
    }
    return found;
  }

  close(): void {
    this.#connection.close();
  }

  async #admits(stream: Stream): Promise<boolean> {
    const answer = responseDeserialize(await this.#connection.unary(CHECK_PATH, framed(checkBytes(stream))));
    const admitted = answer.deniedResponse === undefined;
    if (admitted) this.#streams.push(stream);
    return admitted;
  }
}
