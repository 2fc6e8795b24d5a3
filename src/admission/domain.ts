/** All that a gate is between its doors and its store, put together. */

import { Avoidance } from './avoidance.ts';
import { Enrolment } from './enrolment.ts';
import type { Events } from './events.ts';
import { Evidence, type EvidenceOptions, GATE_SILENT_MS } from './evidence.ts';
import { Gate } from './gate.ts';
import { Holdings } from './holdings.ts';
import type { LeaseStore } from './lease-store.ts';
import { Ledger, type LedgerOptions } from './ledger/ledger.ts';
import type { LimitSource } from './limit-source.ts';
import type { OutagePolicy } from './outage.ts';
import type { Parts } from './parts.ts';
import { Presence, type PresenceOptions } from './presence.ts';
import { Reaper, type ReaperOptions } from './reaper.ts';
import type { Services } from './services.ts';
import { Share } from './share.ts';
import { Standing } from './standing.ts';

export type DomainOptions = EvidenceOptions &
  LedgerOptions &
  ReaperOptions &
  PresenceOptions & { readonly outage: OutagePolicy };

export type Domain = ReturnType<typeof openDomain>;

export function openDomain(
  { store, limits, services, events }: { store: LeaseStore; limits: LimitSource; services: Services; events: Events },
  options: DomainOptions,
) {
  const standing = new Standing(
    { ...options, admitsAlone: options.outage !== 'deny', up: store.up, gateSilentMs: GATE_SILENT_MS },
    events,
  );
  const share = new Share(standing, events);
  const evidence = new Evidence(options, events);
  const holdings = new Holdings();
  const presence = new Presence(events, holdings, options);
  const parts: Parts = { store, limits, services, events, standing, share, evidence, holdings, presence };
  const ledger = new Ledger(parts, options);
  const enrolment = new Enrolment(parts, options);
  const avoidance = new Avoidance(parts);
  const gate = new Gate({ ...parts, ledger, enrolment }, options);
  const reaper = new Reaper({ ...parts, ledger }, options);
  return { ...parts, ledger, enrolment, avoidance, gate, reaper };
}
