/** Events that a gate tells of itself, its proxies, its pods, its store. `docs/hub.md` lists them. */

import { randomUUID } from 'node:crypto';
import type { CloudEvent, OwnType } from './cloud-event.ts';

type Data = CloudEvent['data'];

const IMPORTANCE: Readonly<Record<OwnType, { readonly severity: string; readonly priority: string }>> = {
  'connection.admitted': { severity: 'info', priority: 'low' },
  'connection.denied': { severity: 'warning', priority: 'low' },
  'connection.released': { severity: 'info', priority: 'low' },
  'connection.expired': { severity: 'warning', priority: 'low' },
  'connection.adopted': { severity: 'info', priority: 'low' },
  'pod.filling': { severity: 'warning', priority: 'normal' },
  'pod.saturated': { severity: 'critical', priority: 'high' },
  'pod.recovered': { severity: 'info', priority: 'normal' },
  'proxy.heard': { severity: 'info', priority: 'low' },
  'proxy.silent': { severity: 'warning', priority: 'normal' },
  'proxy.unrenewed': { severity: 'critical', priority: 'high' },
  'proxy.renewed': { severity: 'info', priority: 'normal' },
  'store.down': { severity: 'critical', priority: 'high' },
  'store.up': { severity: 'info', priority: 'high' },
  'limit.changed': { severity: 'info', priority: 'normal' },
  'gate.started': { severity: 'info', priority: 'normal' },
  'gate.stopping': { severity: 'info', priority: 'normal' },
};

export interface Happening {
  readonly type: OwnType;
  /** Absent when it is about none. */
  readonly subject?: string;
  readonly data: Data;
  /** Milliseconds since the epoch, by this gate's clock. */
  readonly atMs?: number;
}

export function ownEvent(source: string, { type, subject, data, atMs = Date.now() }: Happening): CloudEvent {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source,
    type,
    time: new Date(atMs).toISOString(),
    ...(subject === undefined ? {} : { subject }),
    ...IMPORTANCE[type],
    data,
  };
}
