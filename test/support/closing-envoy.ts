/** The hold door as an Envoy uses it that closes WebSockets when it is told to. */

import { newStream, type Stream } from '../../lab/fleet/messages.ts';
import { ATTRIBUTES } from '../../src/envoy/protos.ts';
import { type HeldCall, HoldCaller, upgradeOf } from './hold.ts';

const LOOK_MS = 5;

export class ClosingEnvoy {
  readonly #caller: HoldCaller;
  readonly #open = new Set<HeldCall>();
  readonly #timer: NodeJS.Timeout;
  /** When it was told to close each, by this process's clock, ms; and with which reason. */
  readonly closed: { readonly atMs: number; readonly reason: string }[] = [];

  constructor(address: string) {
    this.#caller = new HoldCaller(address);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Asks for so many WebSockets. */
  ask(count: number, pod = 'pod1', proxy = 'proxy_a', stream: () => Stream = newStream): void {
    const upgrade = upgradeOf(pod, undefined, { [ATTRIBUTES.node]: proxy });
    for (let i = 0; i < count; i += 1) this.#open.add(this.#caller.ask(stream(), pod, upgrade));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#caller.cut();
  }

  #look(): void {
    for (const call of this.#open) {
      const close = call.answers.find((answer, i) => i > 0 && answer.immediateResponse)?.immediateResponse;
      if (!close) continue;
      this.#open.delete(call);
      this.closed.push({ atMs: performance.now(), reason: close.details ?? '' });
      call.endAndReset();
    }
  }
}
