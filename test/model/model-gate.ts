/** All that a gate is between its gRPC server and its store, driven by hand. */

import { Events } from '../../src/admission/events.ts';
import { Gate } from '../../src/admission/gate.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { Ledger } from '../../src/admission/ledger.ts';
import { Limits } from '../../src/admission/limits.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import { Presence } from '../../src/admission/presence.ts';
import { Reaper } from '../../src/admission/reaper.ts';
import { Recovery } from '../../src/admission/recovery.ts';
import { Share } from '../../src/admission/share.ts';
import { CutStore } from './cut-store.ts';

export const TTL_MS = 60_000;
const GRACE_MS = 300_000;
export const RESERVE_MS = 20_000;
/** Two of Envoy's flush intervals, of which one may be lost. */
export const RECOVERY_MS = 32_000;
export const LIMIT = 3;

export interface ModelGate {
  readonly store: CutStore;
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly reaper: Reaper;
}

let made = 0;

export function makeGate(shared: () => LeaseStore, outage: OutagePolicy, recoveryMs = RECOVERY_MS): ModelGate {
  made += 1;
  const events = new Events();
  const store = new CutStore(shared, (up) => events.emit('storeChanged', up, ''));
  const recovery = new Recovery({ forMs: recoveryMs, ttlMs: TTL_MS }, events);
  const parts = {
    store,
    limits: new Limits({ default: { connections: LIMIT }, pods: {} }),
    share: new Share(recovery),
    recovery,
    presence: new Presence(events, () => ledger, { podsMax: 100, proxiesMax: 100, reserveMs: RESERVE_MS }),
    events,
  };
  const ledger = new Ledger(parts, { ttlMs: TTL_MS, recoveryMs, leasesMax: 1000, releasesMax: 1000 });
  const gate = new Gate({ ...parts, ledger }, { reserveMs: RESERVE_MS, outage });
  const reaper = new Reaper({ ...parts, ledger }, { gate: `gate${made}`, ttlMs: TTL_MS, graceMs: GRACE_MS });
  return { store, ledger, gate, reaper };
}
