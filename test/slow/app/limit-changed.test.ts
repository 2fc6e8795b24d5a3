/** A limit that is changed while two gates, each a process of its own, are asked 2,000 times a second. */

import { expect, it, onTestFinished } from 'vitest';
import { CHECK_PATH, framed, GrpcConnection } from '../../../bench/grpc-client.ts';
import { openLoop } from '../../../bench/load.ts';
import { checkBytes, newStream } from '../../../bench/messages.ts';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { startRedis } from '../../../lab/redis/server.ts';
import { Api } from '../../../src/client/api.ts';
import { loadServices } from '../../../src/envoy/protos.ts';

const PER_SECOND = 2000;
const ROUNDS = 10;
const ROUND_MS = 500;

const { authorization } = loadServices();

interface Judged {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly isAdmitted: boolean;
}

it('no upgrade that is asked after the answer of PUT or DELETE is judged by the limit from before', async () => {
  const redis = await startRedis();
  const config = {
    limits: { default: { connections: 1_000_000 } },
    lease: { recovery: '0s' },
    store: { url: redis.url, deadline: '4s' },
  };
  const gates = await Promise.all([startGate({ config }), startGate({ config })]);
  onTestFinished(async () => {
    await Promise.all(gates.map((gate) => gate.stop()));
    await redis.stop();
  });
  const apis = gates.map(({ httpPort }) => new Api({ url: `http://127.0.0.1:${httpPort}` }));
  const connections = await Promise.all(gates.map(({ grpc }: Gate) => GrpcConnection.to(grpc, 'proxy_0')));
  const judged: Judged[] = [];
  let turn = 0;
  const ask = async () => {
    turn += 1;
    const askedMs = performance.now();
    const bytes = await connections[turn % 2]?.unary(CHECK_PATH, framed(checkBytes(newStream('pod1'))));
    const answer = authorization.Check.responseDeserialize(bytes ?? Buffer.alloc(0));
    judged.push({ askedMs, answeredMs: performance.now(), isAdmitted: 'okResponse' in answer });
  };
  const load = openLoop(PER_SECOND, ROUNDS * ROUND_MS, ask);
  const spans: { readonly fromMs: number; readonly toMs: number; readonly isOpen: boolean }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const api = apis[round % 4 < 2 ? 0 : 1] as Api;
    const isOpen = round % 2 === 1;
    await (isOpen ? api.deleteLimit('pod1') : api.setLimit('pod1', { connections: 0 }));
    const fromMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS * 0.8));
    spans.push({ fromMs, toMs: performance.now(), isOpen });
  }
  await load;
  const within = spans.flatMap(({ fromMs, toMs, isOpen }) =>
    judged
      .filter(({ askedMs, answeredMs }) => askedMs > fromMs && answeredMs < toMs)
      .map(({ isAdmitted }) => isAdmitted === isOpen),
  );
  expect(within.filter((isRight) => !isRight)).toEqual([]);
  expect(within.length).toBeGreaterThan((PER_SECOND * ROUNDS * ROUND_MS) / 1000 / 4);
}, 60_000);
