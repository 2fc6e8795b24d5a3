/** `wsgate drain`, which waits until it is done. */

import { afterEach, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { holds, isAdmitted, Operated, type OperatedGate } from '../../support/operated.ts';

const fleet = new Operated();
let gate: OperatedGate;
const start = async () => {
  gate = await fleet.start({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '20' });
};
afterEach(() => fleet.stop());

const wsgate = (line: string, env: Record<string, string> = {}) => runCommand(line, gate.app.http, env);
const ran = (out: string, code = 0) => ({ code, out: `${out}\n`, err: '' });

it('a drain is waited for, told, and ends with 2 where some cannot be closed', async () => {
  await start();
  fleet.envoyOf(gate).ask(5);
  await holds(gate, 5);
  const drained = await wsgate('drain pod1 --rate 50 --reason a~new~kernel');
  expect(drained).toMatchObject({ code: 0, out: 'pod1 is drained: no connection is left\n' });
  expect(drained.err).toContain('wsgate: pod1: 5 connections are left\n');
  expect((await wsgate('audit --limit 1')).out).toMatch(/\n\S+Z {2}ops {2}pod\.drained {2}pod1 {2}asked=\d+ left=0\n$/);
  await wsgate('uncordon pod1');
  await isAdmitted(gate);
  expect(await wsgate('drain pod1 --no-wait --rate 7')).toEqual(ran('pod1: its connections are closed, 7 a second'));
  expect((await wsgate('pods')).out).toContain('draining at 7 a second');
  expect(await wsgate('drain pod1 --stop')).toEqual(ran('pod1: no more connections are closed; it stays cordoned'));
  expect((await wsgate('drain pod1 --stop')).code).toBe(1);
  expect(await wsgate('drain pod1')).toMatchObject({
    code: 2,
    out: 'pod1 is drained: 1 are open still: no stream holds them\n',
  });
}, 30_000);
