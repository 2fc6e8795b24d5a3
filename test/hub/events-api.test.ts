/** `/v1/events`. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HubClient, incident, postEvents } from './client.ts';

const TOKEN = 'correct-horse-battery';
let gate: TestApp;
let client: HubClient | undefined;
beforeEach(async () => {
  gate = await startTestApp();
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  await gate.stop();
});

describe('events from outside', () => {
  it('are taken one by one and as a batch, as JSON and as CloudEvents', async () => {
    client = await HubClient.subscribed(gate.app.http, { sources: ['pager/eu'] });
    const [one, ...more] = Array.from({ length: 4 }, () => incident());
    const post = (body: unknown, type: string) => postEvents(gate.app.http, body, { 'content-type': type });
    expect(await post(one, 'application/cloudevents+json; charset=utf-8')).toEqual({
      status: 202,
      body: { accepted: 1 },
    });
    expect(await post(more.slice(0, 2), 'application/cloudevents-batch+json')).toEqual({
      status: 202,
      body: { accepted: 2 },
    });
    expect(await post(more.slice(2), 'application/json')).toEqual({ status: 202, body: { accepted: 1 } });
    for (const each of [one, ...more]) expect((await client.next('event')).event).toEqual(each);
  });

  it('keep their extension attributes, and get defaults for what they lack', async () => {
    client = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
    const bare = {
      specversion: '1.0',
      id: crypto.randomUUID(),
      source: 'x',
      type: 'incident.noted',
      traceid: 'abc',
      tries: 3,
    };
    await postEvents(gate.app.http, bare);
    expect((await client.next('event')).event).toEqual({
      ...bare,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      severity: 'info',
      priority: 'normal',
      data: {},
    });
  });

  it('that were posted before are not told again', async () => {
    client = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
    const [event, last] = [incident(), incident()];
    for (const each of [event, event, last]) expect((await postEvents(gate.app.http, each)).status).toBe(202);
    expect((await client.next('event')).event.id).toBe(event.id);
    expect((await client.next('event')).event.id).toBe(last.id);
  });

  it.each<[string, object, string]>([
    ['no version', { specversion: '0.3' }, 'specversion: expected 1.0'],
    ['no UUID', { id: '42' }, 'id: expected a UUID'],
    ['no source', { source: undefined }, 'source: expected a URI reference of 1 to 256 visible ASCII characters'],
    [
      "a gate's source",
      { source: 'wsgate/edge' },
      'source: expected another source: wsgate/… is what gates tell themselves',
    ],
    [
      'a type with spaces',
      { type: 'a b' },
      'type: expected words of letters, digits, _ - with dots between, at most 128 characters',
    ],
    ['no time', { time: 'yesterday' }, 'time: expected a time as of RFC 3339'],
    ['no word of severity', { severity: 'very high' }, 'severity: expected 1 to 32 letters, digits, _ -'],
    ['no word of priority', { priority: 1 }, 'priority: expected 1 to 32 letters, digits, _ -'],
    ['data that is no object', { data: 'text' }, 'data: expected an object'],
    ['labels that are no texts', { data: { labels: { team: 7 } } }, 'data.labels.team: expected text'],
    ['a state that is no word', { data: { state: '' } }, 'data.state: expected 1 to 32 letters, digits, _ -'],
    [
      'an attribute of no such name',
      { Trace_Id: 'x' },
      'Trace_Id: expected an extension attribute: lower-case letters and digits; text, a whole number, true or false',
    ],
    ['too much', { data: { note: 'x'.repeat(17_000) } }, 'expected at most 16384 bytes'],
  ])('with %s are refused, and the field is named', async (_what, overrides, detail) => {
    expect(await postEvents(gate.app.http, incident(overrides))).toMatchObject({ status: 400, body: { detail } });
  });

  it('are taken all or none, and the answer names the bad one', async () => {
    client = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
    const answer = await postEvents(gate.app.http, [incident(), incident({ severity: '' }), incident()]);
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: '[1].severity: expected 1 to 32 letters, digits, _ -' },
    });
    const good = incident();
    await postEvents(gate.app.http, good);
    expect((await client.next('event')).event.id).toBe(good.id);
  });

  it.each<[string, unknown, string]>([
    ['none', [], 'expected at least one event'],
    ['too many', Array.from({ length: 101 }, () => incident()), 'expected at most 100 events'],
    ['a text', '"event"', 'expected an event: an object'],
  ])('%s at once are refused', async (_what, body, detail) => {
    expect(await postEvents(gate.app.http, body)).toMatchObject({ status: 400, body: { detail } });
  });

  it('that are not JSON are refused', async () => {
    expect((await postEvents(gate.app.http, '{"specversion"')).status).toBe(400);
    expect((await postEvents(gate.app.http, 'x', { 'content-type': 'text/xml' })).status).toBe(415);
  });
});

describe('with tokens', () => {
  it('only a client that shows one may post', async () => {
    await gate.stop();
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
    expect((await postEvents(gate.app.http, incident())).status).toBe(401);
    expect((await postEvents(gate.app.http, incident(), { authorization: `Bearer ${TOKEN}` })).status).toBe(202);
  });
});

describe('GET /v1/events', () => {
  it('tells the newest events, oldest first, as many as asked for', async () => {
    const events = [incident(), incident(), incident()];
    await postEvents(gate.app.http, events);
    const ids = async (max: number) => (await gate.api.events(max)).events.map(({ id }) => id);
    const [first, second, third] = events.map(({ id }) => id);
    await expect.poll(() => ids(3)).toEqual([first, second, third]);
    expect(await ids(2)).toEqual([second, third]);
  });

  it('says what is wrong with a limit', async () => {
    for (const limit of ['0', '1001', 'x']) {
      const answer = await gate.get(`/v1/events?limit=${limit}`);
      expect(await answer.json()).toMatchObject({ status: 400, detail: expect.stringContaining('from 1 to 1000') });
    }
  });
});
