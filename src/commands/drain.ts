/** `wsgate drain`: closes the connections of a pod, so many a second, and waits until it is done. */

import { setTimeout } from 'node:timers/promises';
import type { Api } from '../client/api.ts';
import { command, Exit, type Host } from './command.ts';
import { Gate, gateOptions, given, numberIn, podIn } from './gate.ts';

const LOOK_MS = 500;
const EXIT_STOPPED = 1;
const EXIT_LEFT = 2;

export const drain = command(
  {
    usage: `  wsgate drain POD [--rate N] [--reason TEXT] [--no-wait | --stop] [--url URL] [--json]
                                 cordons the pod and closes its connections, N a second (100). Tells how many are left, and
                                 ends when all are closed that can be; with 2 when some are left that no stream holds.
                                 --no-wait: does not wait. --stop: closes no more, and leaves the pod cordoned. The drain
                                 goes on when this command is stopped`,
    options: {
      ...gateOptions,
      rate: { type: 'string' },
      reason: { type: 'string' },
      'no-wait': { type: 'boolean', default: false },
      stop: { type: 'boolean', default: false },
    },
    argumentsMax: 1,
  },
  async ({ rate, reason, 'no-wait': leaves, stop, ...values }, rest, host) => {
    const pod = podIn(rest, 'drain');
    const gate = new Gate(values, host);
    if (stop) {
      const body = await gate.ask((api) => api.stopDrain(pod));
      gate.print(body, `${pod}: no more connections are closed; it stays cordoned`);
      return 0;
    }
    const body = await gate.ask((api) => api.drain(pod, given({ rate: numberIn('--rate', rate), reason })));
    gate.warn(pod, body);
    if (leaves) {
      gate.print(body, `${pod}: its connections are closed, ${body.drain?.rate} a second`);
      return 0;
    }
    return waitFor(gate, pod, host);
  },
);

async function waitFor(gate: Gate, pod: string, { err, signal }: Host): Promise<number> {
  let stopped = false;
  void signal().then(() => {
    stopped = true;
  });
  for (let told = -1; !stopped; await setTimeout(LOOK_MS)) {
    const { connections, override } = await gate.ask((api) => cordonOf(api, pod));
    if (!override?.drain) throw new Exit(EXIT_STOPPED, `wsgate: ${pod}: somebody has stopped the drain\n`);
    const { done, left } = override.drain;
    if (done !== null) {
      const open =
        left === null || left === 0 ? 'no connection is left' : `${left} are open still: no stream holds them`;
      gate.print(override, `${pod} is drained: ${open}`);
      return left ? EXIT_LEFT : 0;
    }
    if (connections !== told) err.write(`wsgate: ${pod}: ${connections} connections are left\n`);
    told = connections;
  }
  err.write(`wsgate: ${pod}: the drain goes on; wsgate drain ${pod} --stop ends it\n`);
  return 0;
}

async function cordonOf(api: Api, pod: string) {
  const { connections, overrides = [] } = await api.pod(pod);
  return { connections, override: overrides.find(({ kind }) => kind === 'cordon') };
}
