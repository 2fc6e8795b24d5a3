/** Pods, proxies and leases that somebody invents, on a whole gate: there is room for so many, and others are served. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

let gate: TestApp;
afterEach(() => gate.stop());

const opened = 'DownstreamTunnelSuccessfullyEstablished';
const counts = (pod: string) => expect.poll(() => gate.connections(pod)); // renewals go once a second

const denied = { deniedResponse: { body: '{"error":"TOO_MANY_NAMES","retry_after":5}', status: { code: 503 } } };

describe('an upgrade is denied, counted and told in the log', () => {
  it('when it names a pod too many; pods that are known are served', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_PODS_MAX: '2' });
    for (const pod of ['pod1', 'pod2', 'pod1']) leaseIn(await gate.check(checkOf(newStream(), pod)));
    for (const pod of ['invented1', 'invented2']) {
      expect(await gate.check(checkOf(newStream(), pod))).toMatchObject(denied);
    }
    leaseIn(await gate.check(checkOf(newStream(), 'pod2')));
    expect(await gate.reached('limits.podsMax')).toBe(2);
    expect(Object.keys(await gate.fleet()).filter((name) => name.includes('invented'))).toEqual([]);
    expect(gate.logLines.filter(({ key }) => key === 'limits.podsMax')).toHaveLength(1);
  });

  it('when it comes from a proxy too many', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_PROXIES_MAX: '1' });
    leaseIn(await gate.check(checkOf(newStream(), 'pod1'), 'proxy_a'));
    expect(await gate.check(checkOf(newStream(), 'pod1'), 'proxy_b')).toMatchObject(denied);
    leaseIn(await gate.check(checkOf(newStream(), 'pod1'), 'proxy_a'));
    expect(await gate.reached('limits.proxiesMax')).toBe(1);
  });

  it('when every pod that it would take the place of has a connection, until one of them has none', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_PODS_MAX: '2' });
    const log = gate.logStream();
    const [first, second] = [newStream(), newStream()];
    log.write(message(entryOf(first, 'pod1', opened), entryOf(second, 'pod2', opened)));
    await counts('pod1').toBe(1);
    expect(await gate.check(checkOf(newStream(), 'pod3'))).toMatchObject(denied);
    log.write(message(entryOf(second, 'pod2', 'DownstreamEnd')));
    await expect.poll(() => gate.check(checkOf(newStream(), 'pod3'))).toHaveProperty('okResponse');
    expect(await gate.connections('pod1')).toBe(1);
  });
});

it('a name without connections gives way to a new one: many may come, one after another, beside one that lives', async () => {
  gate = await startTestApp({ WSGATE_LIMITS_PODS_MAX: '3', WSGATE_LIMITS_PROXIES_MAX: '3' });
  const live = newStream();
  const log = gate.logStream('proxy_a');
  const lease = leaseIn(await gate.check(checkOf(live, 'pod1')));
  log.write(message(entryOf(live, 'pod1', opened, { lease })));
  await counts('pod1').toBe(1);
  for (let number = 0; number < 40; number += 1) {
    const [stream, pod, proxy] = [newStream(), `short${number}`, `proxy_${number}`];
    const shortLease = leaseIn(await gate.check(checkOf(stream, pod), proxy));
    log.write(message(entryOf(stream, pod, 'DownstreamEnd', { lease: shortLease })));
    await expect.poll(() => gate.connections(pod)).toBe(0);
  }
  expect(await gate.connections('pod1')).toBe(1);
  expect(await gate.reached('limits.podsMax')).toBe(0);
  expect(await gate.reached('limits.proxiesMax')).toBe(0);
});

describe('an access log entry is not kept', () => {
  it('when it names a pod too many, whether it opens or ends', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_PODS_MAX: '1' });
    const stream = gate.logStream();
    stream.write(message(entryOf(newStream(), 'pod1', opened)));
    stream.write(
      message(entryOf(newStream(), 'invented1', opened), entryOf(newStream(), 'invented2', 'DownstreamEnd')),
    );
    await expect.poll(() => gate.reached('limits.podsMax')).toBe(2);
    await counts('pod1').toBe(1);
    expect(await gate.connections('invented1')).toBe(0);
  });

  it('when there are as many leases as the ledger may have; those go on', async () => {
    gate = await startTestApp({ WSGATE_LEDGER_LEASES_MAX: '3' });
    const stream = gate.logStream();
    const streams = [newStream(), newStream(), newStream(), newStream()];
    stream.write(message(...streams.map((each) => entryOf(each, 'pod1', opened))));
    await counts('pod1').toBe(3);
    expect(await gate.reached('ledger.leasesMax')).toBe(1);
    const [first, , , last] = streams;
    if (!first || !last) throw new Error('four streams');
    stream.write(message(entryOf(first, 'pod1', 'DownstreamEnd')));
    await counts('pod1').toBe(2);
    stream.write(message(entryOf(last, 'pod1', 'DownstreamPeriodic')));
    await counts('pod1').toBe(3);
  });
});
