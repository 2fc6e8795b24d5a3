/** The commands that ask a gate: what they print, what they do, and their exit codes. */

import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { holds, isAdmitted, Operated, type OperatedGate } from '../support/operated.ts';

const fleet = new Operated();
let gate: OperatedGate;
const start = async () => {
  gate = await fleet.start({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '20' });
};
afterEach(() => fleet.stop());

const wsgate = (line: string, env: Record<string, string> = {}) => runCommand(line, gate.app.http, env);
const ran = (out: string, code = 0) => ({ code, out: `${out}\n`, err: '' });
const json = async (line: string) => JSON.parse((await wsgate(`${line} --json`)).out);

it('limits are set, told and taken back', async () => {
  await start();
  expect(await wsgate('limits')).toEqual(ran('nobody has changed anything'));
  const set = await wsgate('limits set pod1 1 --for 2h --reason it~leaks');
  const [{ until } = { until: '' }] = (await gate.ops.limit('pod1')).overrides;
  expect(set.out).toBe(`pod1: 1 connections (configured: 20)\n  limit 1 by ops until ${until}: it leaks\n`);
  expect([await isAdmitted(gate), await isAdmitted(gate)]).toEqual([true, false]);
  expect((await wsgate('limits')).out).toMatch(
    /^POD {3}AT +DECIDED\npod1 {2}\S+Z {2}limit 1 by ops until \S+: it leaks\n$/,
  );
  expect(await json('limits get pod1')).toEqual(await gate.ops.limit('pod1'));
  expect(await json('limits')).toEqual(await gate.ops.overrides());
  expect(await wsgate('limits delete pod1')).toEqual(ran('pod1: 20 connections, as configured'));
  expect(await wsgate('limits delete pod1')).toEqual({
    code: 1,
    out: '',
    err: `wsgate: ${gate.app.http}: pod1: nothing to take back\n`,
  });
});

it('services are told with their pods', async () => {
  await start();
  expect(await wsgate('services')).toEqual(ran('the configuration has no services'));
  gate = await fleet.start({
    WSGATE_SERVICES:
      '{chat: {endpoints: {static: ["10.0.0.1:80", {address: "10.0.0.2:80", zone: b}]}, connections: 5}}',
  });
  await gate.ops.cordon('chat/10.0.0.2:80');
  await expect
    .poll(async () => (await wsgate('services')).out.split('\n'))
    .toEqual([
      'chat: 0 connections of 5, 5 free',
      '  POD               CONNECTIONS  LIMIT  STATE     ZONE  NAME',
      '  chat/10.0.0.1:80            0      5  ready     -     -',
      '  chat/10.0.0.2:80            0      0  cordoned  b     -',
      '',
    ]);
  expect((await wsgate('services --limit 1')).out).toContain('and 1 other pods: --limit');
  expect((await json('services')).services).toMatchObject([{ service: 'chat', size: 2 }]);
});

it('a pod is cordoned, explained, and uncordoned', async () => {
  await start();
  await isAdmitted(gate);
  expect((await wsgate('explain pod1')).out).toBe(
    'An upgrade for pod1 would be let in: there is room for 19 more.\n' +
      '  connections: 1\n  limit:       20, as configured\n  store:       ok\n',
  );
  expect(await wsgate('cordon pod1 --reason a~new~kernel')).toEqual(ran('pod1 takes no new connections'));
  expect(await isAdmitted(gate)).toBe(false);
  const { out } = await wsgate('explain pod1');
  expect(out).toContain('An upgrade for pod1 would be refused (429): the pod is cordoned.\n');
  expect(out).toMatch(/^ +cordoned by ops: a new kernel \(\S+Z\)$/m);
  expect(out).toMatch(/^ +the configuration says 20$/m);
  await expect
    .poll(async () => (await wsgate('pods')).out)
    .toBe('POD   CONNECTIONS  LIMIT  DECIDED\npod1            1      0  cordoned by ops: a new kernel\n');
  expect((await json('pods pod1')).pods).toMatchObject([{ pod: 'pod1', limit: 0 }]);
  expect(await wsgate('uncordon pod1')).toEqual(ran('pod1 takes new connections again'));
  expect(await isAdmitted(gate)).toBe(true);
  await wsgate('limits set pod1 2');
  expect((await wsgate('explain pod1')).out).toContain('would be refused (429): the pod is full.');
});

it('a pod that no gate knows is told', async () => {
  await start();
  const err = `wsgate: no gate knows a pod pood1: it had no connection within the last hour, and the configuration does not name it\n`;
  expect(await wsgate('cordon pood1')).toEqual({ code: 0, out: 'pood1 takes no new connections\n', err });
  expect((await wsgate('cordon pood1')).err).toBe(''); // by now it is known
  expect((await wsgate('limits set pood2 1')).err).toContain('no gate knows a pod pood2');
  expect((await wsgate('drain pood3 --no-wait')).err).toContain('no gate knows a pod pood3');
});

it('connections are listed, closed and released', async () => {
  await start();
  fleet.envoyOf(gate).ask(3);
  await expect
    .poll(async () => (await wsgate('connections pod1')).out.match(/ {2}yes +\/pod1\/chat$/gm)?.length, {
      timeout: 5000,
    })
    .toBe(3);
  const [first, second] = (await json('connections pod1')).connections as { lease: string }[];
  expect((await wsgate('connections pod1 --limit 1')).out).toContain('there are more than 1: --limit, up to 1000\n');
  expect(await wsgate(`close ${first?.lease} --pod pod1`)).toEqual(ran(`${first?.lease} is closed`));
  expect(await wsgate(`close ${first?.lease} --pod pod1`)).toEqual(
    ran(`${first?.lease} is open still: it holds no slot of this pod`, 2),
  );
  expect(await wsgate(`release pod1 ${second?.lease}`)).toEqual(
    ran(`the slot of ${second?.lease} is free, and its connection closed`),
  );
  expect(await wsgate('close --pod pod1 --oldest 5 --rate 10')).toEqual(ran('1 are closed within 1 s'));
  await holds(gate, 0);
});

describe('what is wrong is said', () => {
  it.each([
    ['cordon', 'cordon wants a pod'],
    ['cordon pod1 pod2', 'pod2 is one argument too many'],
    ['limits put pod1 1', 'limits put: expected get, set or delete'],
    ['limits set pod1', 'limits set wants a pod and a number of connections'],
    ['limits set pod1 many', 'limits set POD many: expected a whole number'],
    ['limits set pod1 1 --for ever', '--for ever: expected a duration, such as 30s, 10m or 2h'],
    ['limits set pod1 1 --close all', '--close all: expected oldest or newest'],
    ['close', 'close wants --pod or --proxy, or both'],
    ['close lease', 'close LEASE wants --pod, which has it'],
    ['release pod1', 'release wants a pod and a lease'],
    ['drain pod1 --rate fast', '--rate fast: expected a whole number'],
    ['pods --url nowhere', '--url nowhere: expected http://… or https://…'],
  ])('wsgate %s', async (line, why) => {
    const { code, err } = await runCommand(line, 'http://127.0.0.1:1');
    expect([code, err]).toEqual([64, `wsgate: ${why}\nwsgate --help says what there is\n`]);
  });

  it('by the gate, and where it is not there', async () => {
    await start();
    const { http } = gate.app;
    expect(await wsgate('drain pod1 --rate 5000')).toMatchObject({
      code: 1,
      err: `wsgate: ${http}: rate: expected a whole number from 1 to 1000\n`,
    });
    expect((await wsgate('pods', { WSGATE_TOKEN: 'wrong' })).err).toMatch(/; WSGATE_TOKEN is not one of them\n$/);
    expect((await wsgate('pods', { WSGATE_TOKEN: '' })).err).toMatch(/; WSGATE_TOKEN is not set\n$/);
    expect(await wsgate('pods --url http://127.0.0.1:1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('http://127.0.0.1:1'),
    });
  });
});
