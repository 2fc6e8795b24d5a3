/** What the dashboard makes of an event that somebody posted under a type of the gates' own. */

import { expect, it } from 'vitest';
import { EventLog, lastChangeOf } from '../../dashboard/event-log.ts';
import { eventText } from '../../dashboard/event-text.ts';
import { eventLine } from '../../src/event-line.ts';
import type { CloudEvent } from '../../src/hub/events/cloud-event.ts';
import { toCloudEvent } from '../../src/hub/events/domain-event.ts';

const OWN = toCloudEvent('wsgate/edge-1', { type: 'gate.started', data: { labels: { pod: 'pod1' } } });
const FORGED: CloudEvent = { ...OWN, source: 'pager/edge-1' };

it('a posted event is no reason to read a pod again; one of a gate is', () => {
  const log = new EventLog();
  log.add({ kind: 'event', event: OWN });
  const before = lastChangeOf('pod1', log.items);
  log.add({ kind: 'event', event: FORGED });
  expect(lastChangeOf('pod1', log.items)).toBe(before);
  log.add({ kind: 'event', event: OWN });
  expect(lastChangeOf('pod1', log.items)).not.toBe(before);
});

it('the peer of a connection is told where it is not the client', () => {
  const denied = (client: string) =>
    toCloudEvent('wsgate/edge-1', { type: 'connection.denied', data: { client, peer: '10.0.0.1:4' } });
  expect(eventText(denied('203.0.113.7'))).toBe('203.0.113.7 · peer 10.0.0.1:4');
  expect(eventText(denied('10.0.0.1:4'))).toBe('10.0.0.1:4');
});

it('a posted event names who posted it, on the page and in a terminal', () => {
  expect(eventText(FORGED)).toBe('info from pager/edge-1');
  expect(eventText(OWN)).toBe('edge-1');
  expect(eventLine(FORGED)).toContain('gate.started         -                     source=pager/edge-1 pod=pod1');
  expect(eventLine(OWN)).not.toContain('edge-1');
});
