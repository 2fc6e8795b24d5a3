/** Two Envoys with one name are told from one Envoy that moves or restarts, and from many behind a NAT. */

import { pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import type { ProxyId } from '../../src/admission/ids.ts';
import { Complaints } from '../../src/envoy/complaints.ts';
import { Namesakes, type Sign } from '../../src/envoy/namesakes.ts';

let lines: Record<string, unknown>[];
let namesakes: Namesakes;
beforeEach(() => {
  lines = [];
  namesakes = new Namesakes(new Complaints(pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })));
});

const MINUTE = 60;

/** It is heard there each second. */
function stays(place: string, from: number, until: number, { proxy = 'proxy_a', sign = 'address of its log' } = {}) {
  return Array.from({ length: until - from }, (_, i) => ({ place, proxy, sign, atMs: (from + i) * 1000 }));
}

function hear(...all: ReturnType<typeof stays>[]): void {
  const inOrder = all.flat().sort((a, b) => a.atMs - b.atMs);
  for (const { place, proxy, sign, atMs } of inOrder) namesakes.heard(sign as Sign, proxy as ProxyId, place, atMs);
}

it('one name in two places for long is told, once', () => {
  hear(stays('10.0.0.1', 0, MINUTE), stays('10.0.0.2', 20, MINUTE));
  expect(lines).toMatchObject([{ who: 'proxy_a', sign: 'address of its log', from: ['10.0.0.1', '10.0.0.2'] }]);
});

it('an Envoy that moved is not told, also when the two were there together for a moment', () => {
  hear(stays('10.0.0.1', 0, 25), stays('10.0.0.2', 20, MINUTE));
  expect(lines).toEqual([]);
});

it('an Envoy that moved and came back a minute later is not told', () => {
  const [first, last] = [stays('10.0.0.1', 0, 20), stays('10.0.0.1', 80, 2 * MINUTE)];
  hear(first, stays('10.0.0.2', 20, 80), last);
  expect(lines).toEqual([]);
});

it('a second process in the same place is not told: a hot restart, a NAT, a sidecar', () => {
  hear(stays('127.0.0.1', 0, MINUTE), stays('127.0.0.1', 0, MINUTE));
  expect(lines).toEqual([]);
});

it('two names are two Envoys', () => {
  hear(stays('10.0.0.1', 0, MINUTE), stays('10.0.0.2', 0, MINUTE, { proxy: 'proxy_b' }));
  expect(lines).toEqual([]);
});

it('one Envoy whose Checks and log go by two networks is not told', () => {
  hear(stays('127.0.0.1', 0, MINUTE, { sign: 'address of its Checks' }), stays('10.0.0.1', 0, MINUTE));
  expect(lines).toEqual([]);
});

it('is found among many more names than are kept', () => {
  for (let i = 0; i < 20_000; i += 1) namesakes.heard('address of its log', `invented_${i}` as ProxyId, '10.0.0.9', 0);
  hear(stays('10.0.0.1', 0, MINUTE), stays('10.0.0.2', 0, MINUTE));
  expect(lines).toHaveLength(1);
});
