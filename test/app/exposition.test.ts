import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
/** Sent by Prometheus 2.42 and 3.0. */
const OF_PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const OF_PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

let gate: TestApp;
beforeAll(async () => {
  gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
  for (const pod of ['pod1', 'pod1', 'pod2']) await gate.check(checkOf(newStream(), pod));
});
afterAll(() => gate.stop());

describe.each(['/metrics', '/websocket/metrics'])('%s', (path) => {
  it.each([
    ['application/openmetrics-text; version=1.0.0', OPEN_METRICS],
    ['application/openmetrics-text', OPEN_METRICS],
    ['Application/OpenMetrics-Text; Version=1.0.0', OPEN_METRICS],
    ['*/*, application/openmetrics-text', OPEN_METRICS],
    ['*/*;q=0.9, application/openmetrics-text;q=0.8, text/plain;q=0.7', OPEN_METRICS],
    [OF_PROMETHEUS_2, OPEN_METRICS],
    [OF_PROMETHEUS_3, OPEN_METRICS],
    ['application/openmetrics-text;q=0.5, text/plain', TEXT],
    ['application/openmetrics-text;q=0.5, text/*;q=0.6', TEXT],
    ['application/openmetrics-text;q=0', TEXT],
    ['application/openmetrics-text;q=none', TEXT],
    ['application/openmetrics-text; version=0.0.1', TEXT],
    ['application/openmetrics-text; version=2.0.0', TEXT],
    ['text/plain', TEXT],
    ['*/*', TEXT],
    ['application/*', TEXT],
    ['', TEXT],
  ])('is told to a client that accepts %j as %j', async (accept, type) => {
    const answer = await gate.get(path, { accept });
    expect(answer.headers.get('content-type')).toBe(type);
    expect(answer.headers.get('vary')).toBe('accept-encoding, accept');
    const text = await answer.text();
    expect(text.endsWith('\n# EOF\n')).toBe(type === OPEN_METRICS);
  });

  it('tells the same series in both formats, whichever was asked for before', async () => {
    const series = async (accept: string) => {
      const lines = (await (await gate.get(path, { accept })).text()).split('\n').filter((line) => /^[a-z]/.test(line));
      return lines.map((line) => line.replace(/ \S+$/, ''));
    };
    const before = await series('text/plain');
    expect(before).not.toEqual([]);
    expect(await series('application/openmetrics-text')).toEqual(before);
    expect(await series('text/plain')).toEqual(before);
  });

  it('tells each family as OpenMetrics wants it', async () => {
    const text = await (await gate.get(path, { accept: 'application/openmetrics-text' })).text();
    expect(text).not.toContain('\n\n');
    let family = '';
    for (const line of text.split('\n').slice(0, -2)) {
      const [, keyword, name = ''] = /^# (HELP|TYPE) (\S+) /.exec(line) ?? [];
      if (keyword) family = name;
      expect(family).not.toMatch(/_total$/);
      if (!keyword) expect(line).toMatch(new RegExp(`^${family}(_total|_bucket|_sum|_count)?[ {]`));
    }
  });
});

it('the text that is no OpenMetrics is still what promtool reads', async () => {
  await gate.get('/metrics', { accept: 'application/openmetrics-text' });
  const text = await (await gate.get('/metrics')).text();
  expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});
