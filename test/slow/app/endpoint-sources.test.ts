/** Sources of endpoints, as they change for the better and the worse. */

import { rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startDnsServer } from '../../support/dns-server.ts';
import { startKubernetesApi } from '../../support/kubernetes-api.ts';
import { sliceOf } from '../../support/slices.ts';
import { A, B, C, inFolder, startSourced } from '../../support/sourced.ts';

it('a file is read again when it changes; one that is wrong, empty, too long or gone changes nothing, and is told', async () => {
  const file = inFolder()('chat.yaml');
  writeFileSync(file, `- ${A}\n`);
  const gate = await startSourced({ file });
  expect(await gate.limit()).toBe(2);

  writeFileSync(file, JSON.stringify([A, { address: B, connections: 5 }]));
  await expect.poll(gate.limit).toBe(7);
  expect(gate.joined()).toEqual([[A], [B]]);

  const wrongs: [text: string | undefined, word: string][] = [
    [`- ${A}\n- chat-1:80\n`, `${file}:2:3: [1]`],
    ['', 'an empty file'],
    [JSON.stringify([A, B, C, '10.0.0.4:80']), 'at most limits.podsMax, 3'],
    [undefined, 'no such file'],
  ];
  for (const [count, [text, word]] of wrongs.entries()) {
    if (text === undefined) rmSync(file);
    else writeFileSync(file, text);
    await expect.poll(gate.why).toHaveLength(count + 1);
    expect(gate.why()[count]).toContain(word);
  }
  expect(await gate.limit()).toBe(7);
  expect(await gate.unread()).toBe(1);

  writeFileSync(file, `- ${B}\n- ${C}\n`);
  await expect.poll(gate.limit).toBe(4);
  expect(await gate.unread()).toBe(0);
  expect(gate.said('have changed').at(-1)).toMatchObject({ joined: [C], left: [A] });
}, 60_000);

it('a server that says nothing is a failure, too; a gate that starts does not wait for it for long', async () => {
  const dns = await startDnsServer({ 'A chat.test': 'silence', 'AAAA chat.test': 'silence' });
  const gate = await startSourced({ dns: { name: 'chat.test', port: 80, servers: [dns.server] } });
  await expect.poll(gate.why, { timeout: 10_000 }).toEqual(['no DNS server answers for chat.test']);
});

it('an API server that accepts and says nothing is told, also when a watch falls silent; what is known stays', async () => {
  const api = await startKubernetesApi();
  api.put(sliceOf('chat-1', [{ address: '10.0.0.1' }]));
  const kubeconfig = api.kubeconfig(inFolder()('kubeconfig'));
  const gate = await startSourced({ kubernetes: { service: 'prod/chat', port: 'ws', kubeconfig } });
  await expect.poll(gate.limit).toBe(2);
  api.answerWith('silence'); // the watch stands, and has nothing to tell
  const silent = ['the API server of Kubernetes: no answer within 10 s'];
  await expect.poll(gate.why, { timeout: 50_000 }).toEqual(silent);
  expect(await gate.limit()).toBe(2);
  api.answerWith(undefined);
  await expect.poll(gate.unread, { timeout: 50_000 }).toBe(0);
  api.answerWith(500);
  api.breakWatches();
  await expect.poll(() => gate.why().at(-1)).toContain('it answers 500');
}, 120_000);
