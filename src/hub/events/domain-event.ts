/**
 * Events that gates tell of themselves, their proxies, their pods and their store. `docs/hub.md` lists them.
 *
 * Anybody may post an event of any type, `connection.admitted` too; only the source tells who speaks. Nobody but a gate
 * may post a source that begins with `GATE_SOURCE`, and figures count only events of such a source. No module of
 * Node's: clients import it.
 */

import type { CloudEvent } from './cloud-event.ts';

/** What the source of a gate's events begins with; the gate's name follows. */
export const GATE_SOURCE = 'wsgate/';

const IMPORTANCE = {
  'connection.admitted': { severity: 'info', priority: 'low' },
  'connection.denied': { severity: 'warning', priority: 'low' },
  'connection.closing': { severity: 'warning', priority: 'normal' },
  'connection.released': { severity: 'info', priority: 'low' },
  'connection.expired': { severity: 'warning', priority: 'low' },
  'connection.adopted': { severity: 'info', priority: 'low' },
  'pod.filling': { severity: 'warning', priority: 'normal' },
  'pod.saturated': { severity: 'critical', priority: 'high' },
  'pod.recovered': { severity: 'info', priority: 'normal' },
  'pod.joined': { severity: 'info', priority: 'normal' },
  'pod.left': { severity: 'info', priority: 'normal' },
  'pod.avoided': { severity: 'warning', priority: 'normal' },
  'proxy.heard': { severity: 'info', priority: 'low' },
  'proxy.silent': { severity: 'warning', priority: 'normal' },
  'proxy.unrenewed': { severity: 'critical', priority: 'high' },
  'proxy.renewed': { severity: 'info', priority: 'normal' },
  'store.down': { severity: 'critical', priority: 'high' },
  'store.up': { severity: 'info', priority: 'high' },
  'limit.changed': { severity: 'info', priority: 'normal' },
  'limit.set': { severity: 'warning', priority: 'normal' },
  'limit.deleted': { severity: 'warning', priority: 'normal' },
  'limit.expired': { severity: 'info', priority: 'normal' },
  'pod.cordoned': { severity: 'warning', priority: 'normal' },
  'pod.uncordoned': { severity: 'info', priority: 'normal' },
  'pod.draining': { severity: 'warning', priority: 'high' },
  'pod.drained': { severity: 'info', priority: 'high' },
  'drain.stopped': { severity: 'warning', priority: 'normal' },
  'close.asked': { severity: 'warning', priority: 'normal' },
  'release.forced': { severity: 'warning', priority: 'normal' },
  'gate.started': { severity: 'info', priority: 'normal' },
  'gate.stopping': { severity: 'info', priority: 'normal' },
} as const;

export type DomainEventType = keyof typeof IMPORTANCE;

export const domainEventTypes = Object.keys(IMPORTANCE) as readonly DomainEventType[];

export interface DomainEvent {
  readonly type: DomainEventType;
  /** Absent when the event is about nothing in particular. */
  readonly subject?: string;
  readonly data: CloudEvent['data'];
  /** Milliseconds since the epoch, by this gate's clock; now unless given. */
  readonly atMs?: number;
}

export function toCloudEvent(source: string, { type, subject, data, atMs = Date.now() }: DomainEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: crypto.randomUUID(),
    source,
    type,
    time: new Date(atMs).toISOString(),
    ...(subject === undefined ? {} : { subject }),
    ...IMPORTANCE[type],
    data,
  };
}

export function isFromGate({ source }: { readonly source: string }): boolean {
  return source.startsWith(GATE_SOURCE);
}
