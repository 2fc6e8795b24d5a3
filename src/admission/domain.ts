/** All that a gate is between its doors and its store, put together. */

import type { Events } from './events.ts';
import { Evidence, type EvidenceOptions, GATE_QUIET_MS } from './evidence.ts';
import { Gate } from './gate.ts';
import type { LeaseStore } from './lease-store.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import type { Limits } from './limits.ts';
import type { OutagePolicy } from './outage.ts';
import { Presence, type PresenceOptions } from './presence.ts';
import { Reaper, type ReaperOptions } from './reaper.ts';
import { Share } from './share.ts';
import { Standing } from './standing.ts';

export interface DomainOptions extends EvidenceOptions, LedgerOptions, ReaperOptions, PresenceOptions {
  readonly outage: OutagePolicy;
}

export type Domain = ReturnType<typeof openDomain>;

export function openDomain(
  { store, limits, events }: { store: LeaseStore; limits: Limits; events: Events },
  options: DomainOptions,
) {
  const standing = new Standing(
    { ...options, admitsAlone: options.outage !== 'deny', up: store.up, gateQuietMs: GATE_QUIET_MS },
    events,
  );
  const share = new Share(standing, events);
  const evidence = new Evidence(options, events);
  const presence: Presence = new Presence(events, () => ledger, options);
  const parts = { store, limits, events, standing, share, evidence, presence };
  const ledger: Ledger = new Ledger(parts, options);
  const gate = new Gate({ ...parts, ledger }, options);
  const reaper = new Reaper({ ...parts, ledger }, options);
  return { standing, share, evidence, presence, ledger, gate, reaper };
}
