/** A gate whose services get their endpoints from elsewhere than its configuration. */

import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkOfService, newStream } from '../../lab/fleet/messages.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import { A, B, C, inFolder, serviceEnv, startSourced } from '../support/sourced.ts';

it('a file may be one of a ConfigMap: a link in a folder that is swapped', async () => {
  const path = inFolder();
  const version = (name: string, endpoints: string[]) => {
    mkdirSync(path(name));
    writeFileSync(join(path(name), 'chat.json'), JSON.stringify(endpoints));
    symlinkSync(name, path('new'));
    renameSync(path('new'), path('..data'));
  };
  version('one', [A]);
  symlinkSync('..data/chat.json', path('chat.json'));
  const gate = await startSourced({ file: path('chat.json') });
  expect(await gate.limit()).toBe(2);
  version('two', [A, B]);
  await expect.poll(gate.limit).toBe(4);
});

it('a gate that cannot read its file places by what others have told the store, and takes nothing away from it', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const env = { WSGATE_STORE_URL: redis.url, WSGATE_STORE_DEADLINE: '4s' };
  await startSourced({ static: [A] }, env);
  const file = inFolder()('chat.yaml');
  const gate = await startSourced({ file }, env);
  expect(gate.why()).toEqual([expect.stringContaining('no such file')]);
  const answer = () => gate.check(checkOfService(newStream(), 'chat'));
  expect(await answer()).toMatchObject({
    dynamicMetadata: { fields: { 'x-gateway-destination-endpoint': { stringValue: A } } },
  });
  expect(await redis.client.zcard('{ws:service:chat}:room')).toBe(1);
});

it('a service without a pod is full; with another source it keeps what it has until that one tells', async () => {
  const path = inFolder();
  const gate = await startSourced({ file: path('absent') });
  expect(await gate.check(checkOfService(newStream(), 'chat'))).toMatchObject({
    deniedResponse: { status: { code: 429 } },
  });
  const reconfigure = (endpoints: unknown) => {
    const loaded = loadConfig({ env: serviceEnv(endpoints) });
    if (loaded.ok) gate.app.reconfigure(loaded.config);
  };
  reconfigure({ static: [A, B] });
  expect(await gate.limit()).toBe(4);
  reconfigure({ file: path('absent') });
  expect(await gate.limit()).toBe(4);
  expect(await gate.unread()).toBe(1);
  writeFileSync(path('chat'), JSON.stringify([C]));
  reconfigure({ file: path('chat') });
  await expect.poll(gate.limit).toBe(2);
  expect(await gate.unread()).toBe(0);
});
