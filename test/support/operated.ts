/** Gates that somebody operates over the API, on a store of their own or on one Redis. */

import { expect } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { Api } from '../../src/client/api.ts';
import { startTestApp, type TestApp } from './app.ts';
import { ClosingEnvoy } from './closing-envoy.ts';

export const OPS_TOKEN = 'secret-of-sixteen-ops';

/** `ops`: the API with a token of this name. */
export type OperatedGate = TestApp & { readonly ops: Api };

export class Operated {
  redis: RedisServer | undefined;
  readonly #gates = new Set<OperatedGate>();
  readonly #envoys: ClosingEnvoy[] = [];

  async start(env: Record<string, string> = {}): Promise<OperatedGate> {
    const gate = await startTestApp({
      WSGATE_HTTP_TOKENS: `[{name: ops, token: ${OPS_TOKEN}, scopes: [read, operate]}]`,
      WSGATE_HTTP_OPEN: '[metrics, health]',
      ...env,
    });
    const operated = { ...gate, ops: new Api({ url: gate.app.http, token: OPS_TOKEN }) };
    this.#gates.add(operated);
    await expect.poll(() => gate.store()).toBe('ok');
    return operated;
  }

  /** The environment of gates on one Redis. A busy machine makes it slow. */
  async onRedis(): Promise<Record<string, string>> {
    this.redis ??= await startRedis();
    return { WSGATE_STORE_URL: this.redis.url, WSGATE_STORE_DEADLINE: '4s' };
  }

  startOn(store: string, env: Record<string, string> = {}): Promise<OperatedGate> {
    return store === 'redis' ? this.onRedis().then((more) => this.start({ ...more, ...env })) : this.start(env);
  }

  envoyOf({ app }: TestApp): ClosingEnvoy {
    const envoy = new ClosingEnvoy(app.grpc);
    this.#envoys.push(envoy);
    return envoy;
  }

  async end(gate: OperatedGate): Promise<void> {
    this.#gates.delete(gate);
    await gate.stop();
  }

  async stop(): Promise<void> {
    for (const envoy of this.#envoys.splice(0)) envoy.stop();
    await Promise.all([...this.#gates].map((gate) => gate.stop()));
    this.#gates.clear();
    await this.redis?.stop();
    this.redis = undefined;
  }
}

export async function isAdmitted(gate: TestApp, pod = 'pod1'): Promise<boolean> {
  return 'okResponse' in (await gate.check(checkOf(newStream(), pod)));
}

/** Of so many that ask at once. */
export async function admitted(gate: TestApp, many: number, pod?: string): Promise<number> {
  const answers = await Promise.all(Array.from({ length: many }, () => isAdmitted(gate, pod)));
  return answers.filter((each) => each).length;
}

export async function holds({ ops }: OperatedGate, count: number, pod = 'pod1'): Promise<void> {
  await expect.poll(async () => (await ops.pod(pod)).connections, { interval: 20, timeout: 5000 }).toBe(count);
}
