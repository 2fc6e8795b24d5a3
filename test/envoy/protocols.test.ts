/** What comes through Envoy beside HTTP/1.1 WebSockets. */

import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { Document } from 'yaml';
import { EXT_AUTHZ, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const closed = { limits: { default: { connections: 0 } } };

describe('plain HTTP', () => {
  it('through the same routes is neither counted nor denied', async () => {
    fleet = await Fleet.start({ store: 'embedded', config: closed });
    const response = await fetch(`http://127.0.0.1:${fleet.envoy.port}/pod1/hello`);
    expect([response.status, await response.text()]).toEqual([200, 'pod1: GET /pod1/hello\n']);
    expect((await fleet.open(1)).refused).toHaveLength(1);
    expect(await fleet.connections()).toBe(0);
  });

  it('is neither counted nor denied when ext_authz stands on every route', async () => {
    const everywhere = (config: Document) => {
      const authz = { name: 'ws_admission', typed_config: config.getIn(EXT_AUTHZ) };
      config.setIn([...HTTP_MANAGER, 'upgrade_configs', 0, 'filters'], undefined);
      const filters = config.getIn([...HTTP_MANAGER, 'http_filters']) as { items: unknown[] };
      config.setIn([...HTTP_MANAGER, 'http_filters'], config.createNode([authz, ...filters.items]));
    };
    fleet = await Fleet.start({
      store: 'embedded',
      config: { limits: { default: { connections: 2 } } },
      mutate: everywhere,
    });
    for (let i = 0; i < 5; i += 1) {
      expect((await fetch(`http://127.0.0.1:${fleet.envoy.port}/pod1/`)).status).toBe(200);
    }
    const { opened, refused } = await fleet.open(3);
    expect([opened.length, refused.length]).toEqual([2, 1]);
    await fleet.settlesAt(2);
  });
});

it('a WebSocket over HTTP/2 is counted and freed like one over HTTP/1', async () => {
  fleet = await Fleet.start({ store: 'embedded', config: { limits: { default: { connections: 1 } } } });
  const session = connect(`http://127.0.0.1:${fleet.envoy.port}`);
  await once(session, 'remoteSettings');
  const open = async () => {
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/pod1/',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    });
    stream.on('error', () => {}); // it is cut off on purpose
    const [headers] = await once(stream, 'response');
    return { stream, status: headers[':status'] };
  };
  const first = await open();
  expect(first.status).toBe(200);
  await fleet.settlesAt(1);
  expect((await open()).status).toBe(429);
  await expect.poll(() => fleet.holders()).toMatchObject([{ state: 'live', path: '/pod1/' }]);
  first.stream.close();
  await fleet.settlesAt(0);
  const third = await open();
  expect(third.status).toBe(200);
  session.destroy();
  await fleet.settlesAt(0);
});
