/** The dashboards' questions, put to a real Prometheus that scrapes a gate with something to tell. */

import { expect, it, onTestFinished } from 'vitest';
import { checkOf, checkOfService, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { HubClient, incident, postEvents } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { asSent, dashboards, has } from './files.ts';
import { startPrometheus } from './prometheus.ts';

/** Nothing that a test could do to a gate breaks an invariant. */
const QUIET = ['Invariants broken'];

const questions = dashboards
  .flatMap(({ charts }) => charts.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target }))))
  .filter(({ title }) => !QUIET.includes(title));

it.skipIf(!has('prometheus'))(
  'every panel shows something, with the labels that it names',
  { timeout: 120_000 },
  async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const gate = await startTestApp({
      WSGATE_STORE_URL: redis.url, // the embedded store has no calls to time
      WSGATE_LIMITS_DEFAULT_CONNECTIONS: '2',
      WSGATE_LIMITS_PODS_MAX: '1',
      WSGATE_SERVICES: '{chat: {endpoints: {static: ["10.0.0.1:80"]}}}',
    });
    onTestFinished(() => gate.stop());
    const prometheus = await startPrometheus(new URL(gate.app.http).host);
    onTestFinished(() => prometheus.stop());
    const listener = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
    onTestFinished(() => listener.close());
    const log = gate.logStream();

    let unanswered: string[] = [];
    const answered = async () => {
      await happen(gate, log);
      const results = await Promise.all(
        questions.map(async ({ title, expr, legendFormat }) => {
          const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
          const series = (await prometheus.query(asSent(expr))).filter(({ value }) => !Number.isNaN(value));
          return series.some((each) => labels.every((label) => label in each.labels)) ? [] : [`${title}: ${expr}`];
        }),
      );
      unanswered = results.flat();
      return unanswered.length === 0;
    };
    await until('every panel shows something', answered, 90_000).catch((error) => {
      throw new Error(`${error}; not: ${unanswered.join('\n')}`);
    });

    // Only OpenMetrics has a counter's family without `_total`.
    expect(await prometheus.typeOf('wsgate_decisions')).toBe('counter');

    for (const { templating } of dashboards) {
      for (const variable of templating.list) {
        if (variable.type !== 'query') continue;
        const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(variable.definition) ?? [];
        expect(await prometheus.labelValues(metric, label), variable.definition).toHaveLength(1);
      }
    }
  },
);

/** A bit of all that a dashboard tells. */
async function happen(gate: TestApp, log: ReturnType<TestApp['logStream']>): Promise<void> {
  const stream = newStream();
  const answer = await gate.check(checkOf(stream, 'pod1'));
  if ('okResponse' in answer && answer.okResponse) {
    const lease = leaseIn(answer);
    log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
  }
  await gate.check(checkOf(newStream(), 'pod2')); // beyond limits.podsMax
  log.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic'))); // never asked for, and soon over the limit
  await gate.check(checkOfService(newStream(), 'chat'));
  await postEvents(gate.app.http, incident());
  const broken = await HubClient.connect(gate.app.http, '/ws');
  await broken.close();
  await expect(HubClient.connect(gate.app.http, '/ws/nothing')).rejects.toThrow('404');
}
