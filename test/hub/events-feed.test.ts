import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HubClient, incident, postEvents } from './client.ts';

let gate: TestApp;
const clients: HubClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await gate.stop();
});

async function subscribed(filters: object = {}): Promise<HubClient> {
  const client = await HubClient.subscribed(gate.app.http, filters);
  clients.push(client);
  return client;
}

async function connected(): Promise<HubClient> {
  const client = await HubClient.connect(gate.app.http, '/ws');
  clients.push(client);
  return client;
}

describe('what happens in the gate', () => {
  it('reaches its subscribers: an admission, a denial, a release', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    const client = await subscribed({ types: ['connection.*'] });
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    await gate.check(checkOf(newStream(), 'pod1'));
    gate.logStream().write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
    expect(await client.eventOf('connection.admitted')).toMatchObject({
      subject: 'pod/pod1',
      data: {
        count: 1,
        lease,
        client: expect.stringMatching(/^192\.0\.2\.7:/),
        labels: { pod: 'pod1', proxy: 'proxy_a' },
      },
    });
    expect(await client.eventOf('connection.denied')).toMatchObject({
      severity: 'warning',
      subject: 'pod/pod1',
      data: {
        count: 1,
        client: expect.stringMatching(/^192\.0\.2\.7:/),
        labels: { pod: 'pod1', proxy: 'proxy_a', reason: 'LIMIT_EXCEEDED' },
      },
    });
    expect(await client.eventOf('connection.released')).toMatchObject({
      data: { labels: { pod: 'pod1', cause: 'closed' } },
    });
  });

  it('is counted, not told one by one, beyond a number of connections a second', async () => {
    gate = await startTestApp({ WSGATE_HUB_ONE_BY_ONE_MAX: '2', WSGATE_LIMITS_DEFAULT_CONNECTIONS: '3' });
    const client = await subscribed({ types: ['connection.*'] });
    await Promise.all(Array.from({ length: 40 }, () => gate.check(checkOf(newStream(), 'pod1'))));
    const told = (type: string) =>
      client
        .events()
        .filter((event) => event.type === type)
        .reduce((sum, { data }) => sum + Number(data.count), 0);
    await expect.poll(() => told('connection.denied')).toBe(37);
    expect(told('connection.admitted')).toBe(3);
    expect(client.events().length).toBeLessThan(10);
  });
});

describe('a session', () => {
  it('gets a welcome, and is told its mistakes', async () => {
    gate = await startTestApp({ WSGATE_HUB_SUBSCRIPTIONS_MAX: '1' });
    const client = await connected();
    expect(await client.next('welcome')).toMatchObject({ degraded: false });
    client.send('{"type"');
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_JSON' });
    client.socket.send(Buffer.from('{}'));
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_JSON' });
    client.send({ type: 'dance' });
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_MESSAGE' });
    client.send({ type: 'subscribe', subscription_id: 'a', filters: { types: 'pod.filling' } });
    expect(await client.next('error')).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: 'filters.types: expected a list of texts',
      subscription_id: 'a',
    });
    const subscriptions = [{ subscription_id: 'a' }, { subscription_id: 'b', filters: { types: [''] } }];
    client.send({ type: 'resume', last_event_id: crypto.randomUUID(), subscriptions });
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_MESSAGE', subscription_id: 'b' });
    for (const from of [{}, { last_event_id: crypto.randomUUID(), since: new Date().toISOString() }]) {
      client.send({ type: 'resume', ...from, subscriptions: [{ subscription_id: 'a' }] });
      expect(await client.next('error')).toMatchObject({
        message: expect.stringContaining('either last_event_id or since'),
      });
    }
    client.send({ type: 'subscribe', subscription_id: '' });
    expect(await client.next('error')).not.toHaveProperty('subscription_id');
    client.send({ type: 'subscribe', subscription_id: 'a' });
    client.send({ type: 'subscribe', subscription_id: 'b' });
    expect(await client.next('error')).toMatchObject({ code: 'TOO_MANY_SUBSCRIPTIONS', subscription_id: 'b' });
    client.send({ type: 'unsubscribe', subscription_id: 'b' });
    expect(await client.next('error')).toMatchObject({ code: 'UNKNOWN_SUBSCRIPTION', subscription_id: 'b' });
    client.send({ type: 'unsubscribe', subscription_id: 'a' });
    expect(await client.next('unsubscribed')).toMatchObject({ subscription_id: 'a' });
    client.send({ type: 'ping' });
    await client.next('pong');
  });

  it('gets an event once, with all its subscriptions that want it', async () => {
    gate = await startTestApp();
    const client = await connected();
    for (const [id, filters] of [
      ['all', {}],
      ['high', { severities: ['high'] }],
      ['low', { severities: ['low'] }],
    ]) {
      client.send({ type: 'subscribe', subscription_id: id, filters });
      await client.next('subscribed');
    }
    const event = incident();
    expect(await postEvents(gate.app.http, event)).toEqual({ status: 202, body: { accepted: 1 } });
    const { subscription_ids, event: got } = await client.next('event');
    expect(new Set(subscription_ids)).toEqual(new Set(['all', 'high']));
    expect(got).toEqual(event);
    await postEvents(gate.app.http, incident({ severity: 'low' }));
    expect(new Set((await client.next('event')).subscription_ids)).toEqual(new Set(['all', 'low']));
    expect(client.events()).toHaveLength(2);
  });
});
