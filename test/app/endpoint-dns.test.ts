/** A gate whose service has the pods that the DNS has. */

import type { Answer } from 'dns-packet';
import { expect, it } from 'vitest';
import { startDnsServer } from '../support/dns-server.ts';
import { startSourced } from '../support/sourced.ts';

const a = (data: string, ttl = 0): Answer => ({ type: 'A', name: 'chat.test', data, ttl });
const aaaa = (data: string, ttl = 0): Answer => ({ type: 'AAAA', name: 'chat.test', data, ttl });
const srv = (target: string, port: number, priority = 0): Answer => ({
  type: 'SRV',
  name: '_ws._tcp.chat.test',
  data: { target, port, priority, weight: 1 },
});

const soon = { everyMin: '50ms', everyMax: '100ms' };

it('has the addresses of a name, and follows them', async () => {
  const dns = await startDnsServer({ 'A chat.test': [a('10.0.0.1')], 'AAAA chat.test': [aaaa('2001:db8::1')] });
  const gate = await startSourced({ dns: { name: 'chat.test', port: 80, servers: [dns.server], ...soon } });
  expect(gate.joined()).toEqual([['10.0.0.1:80', '[2001:db8::1]:80']]);
  dns.zone['A chat.test'] = [a('10.0.0.2'), a('10.0.0.1')];
  await expect.poll(gate.limit).toBe(6);
  dns.zone['A chat.test'] = [a('10.0.0.1'), a('10.0.0.2')];
  dns.zone['AAAA chat.test'] = [];
  await expect.poll(gate.limit).toBe(4);
  expect(gate.said('have changed').at(-1)).toMatchObject({ joined: [], left: ['[2001:db8::1]:80'] });
  expect(gate.said('have changed')).toHaveLength(3);
});

it('keeps what it knows when there is no answer, or one without records; each is told once', async () => {
  const dns = await startDnsServer({ 'A chat.test': [a('10.0.0.1')] });
  const gate = await startSourced({ dns: { name: 'chat.test', port: 80, servers: [dns.server], ...soon } });
  const asked = async (times: number) => {
    const before = dns.asked('A chat.test');
    await expect.poll(() => dns.asked('A chat.test')).toBeGreaterThan(before + times);
  };
  const fail = async (answer: 'NXDOMAIN' | 'SERVFAIL' | []) => {
    dns.zone['A chat.test'] = answer;
    await asked(4);
  };
  await fail('NXDOMAIN');
  await fail([]);
  expect(gate.why()).toEqual(['chat.test has no A and no AAAA record']);
  await fail('SERVFAIL');
  expect(gate.why().slice(1)).toEqual(['the DNS servers answer SERVFAIL for chat.test']);
  expect(await gate.unread()).toBe(1);
  dns.zone['A chat.test'] = [a('10.0.0.1')];
  dns.zone['AAAA chat.test'] = 'SERVFAIL'; // half an answer is none: half of the pods would leave
  await asked(4);
  expect(gate.why()).toHaveLength(2);
  dns.zone['AAAA chat.test'] = [];
  await expect.poll(gate.unread).toBe(0);
  expect(await gate.limit()).toBe(2);
  expect(gate.said('have changed')).toHaveLength(1);
});

it('has the targets and ports of SRV records, those of the first priority', async () => {
  const dns = await startDnsServer({
    'SRV _ws._tcp.chat.test': [srv('chat.test', 80), srv('chat.test', 81), srv('other.test', 82, 9)],
    'A chat.test': [a('10.0.0.1')],
  });
  const gate = await startSourced({ dns: { srv: '_ws._tcp.chat.test', servers: [dns.server], ...soon } });
  expect(gate.joined()).toEqual([['10.0.0.1:80', '10.0.0.1:81']]);
  dns.zone['SRV _ws._tcp.chat.test'] = [srv('chat.test', 80), srv('other.test', 82)];
  await expect
    .poll(gate.why)
    .toEqual(['other.test, of an SRV record of _ws._tcp.chat.test, has no A and no AAAA record']);
  dns.zone['A other.test'] = [{ type: 'A', name: 'other.test', data: '10.0.0.2' }];
  await expect.poll(() => gate.joined().at(-1)).toEqual(['10.0.0.2:82']);
});

it('asks again after the TTL, within bounds', async () => {
  const zone = { 'A long.test': [a('10.0.0.1', 3600)], 'A short.test': [a('10.0.0.1', 0)] };
  const dns = await startDnsServer(zone);
  const of = (name: string, bounds: object) =>
    startSourced({ dns: { name, port: 80, servers: [dns.server], ...bounds } });
  await of('long.test', { everyMin: '1ms', everyMax: '50ms' });
  await of('short.test', { everyMin: '1h', everyMax: '2h' });
  await expect.poll(() => dns.asked('A long.test')).toBeGreaterThan(5);
  expect(dns.asked('A short.test')).toBe(1);
});
