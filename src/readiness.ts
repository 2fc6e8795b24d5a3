/**
 * How a gate is, for `/readyz`. An orchestrator asks whether to send it traffic (`ready`): yes as soon as it can answer
 * Checks, by `outage.policy` too; otherwise a Redis that is away would take every gate out of service. People ask what
 * it does and what is wrong (`checks`). Envoy asks something else, whether another gate would be better: that is the
 * gRPC health of `envoy/retreat.ts`.
 */

import type { Domain } from './admission/domain.ts';
import type { Events, Unrenewed } from './admission/events.ts';
import type { OutagePolicy } from './admission/outage.ts';
import type { Standing } from './admission/standing.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
  /** How long the store is not trusted still, because it may have lost leases; null when it does not recover. */
  readonly recoverySeconds: number | null;
}

const DECIDES: Readonly<Record<OutagePolicy, string>> = {
  share: 'upgrades are admitted within this gate’s share (outage.policy: share)',
  deny: 'nobody is admitted (outage.policy: deny)',
  allow: 'everybody is admitted (outage.policy: allow)',
};

const NO_SHARE_YET = 'nobody is admitted: this gate has started, and has not read yet what the pods hold';

export const UNRENEWED: Readonly<Record<Unrenewed, string>> = {
  nothing:
    'its access log never speaks of connections that live: set access_log_options.access_log_flush_interval, and let ' +
    'DownstreamPeriodic entries pass the filter of its access log',
  some:
    'its access log never speaks of some connections: every listener needs the access log with ' +
    'access_log_options.access_log_flush_interval, and a filter must not drop entries of WebSockets',
  wrong:
    'its access log was silent of connections that were open: look for what drops entries between it and the gates, and ' +
    'for a filter of its access log; access_log_options.access_log_flush_interval must be the same on every listener',
};

export class GateReadiness {
  /** `serving`: it listens for Envoys. */
  phase: 'starting' | 'serving' | 'stopping' = 'starting';
  readonly #domain: Domain;
  readonly #policy: OutagePolicy;
  #storeAway = 'not connected yet';
  /** Why the store refused the last upgrade that it was asked, if it did. */
  #storeRefuses: string | undefined;

  constructor(domain: Domain, events: Events, policy: OutagePolicy) {
    this.#domain = domain;
    this.#policy = policy;
    events.on('storeChanged', (_up, detail) => {
      this.#storeAway = detail;
    });
    events.on('refused', (detail) => {
      this.#storeRefuses = detail;
    });
  }

  now(): Readiness {
    const { standing, reaper, evidence } = this.#domain;
    const proxies = [
      ...[...reaper.unlogged].map((proxy) => `${proxy} sends Checks but no access log`),
      ...[...evidence.unrenewed].map(([proxy, why]) => `${proxy}: ${UNRENEWED[why]}`),
    ];
    return {
      ready: this.phase === 'serving' && (standing.met || this.#policy === 'allow'),
      checks: {
        store: this.#storeCheck(standing),
        upgrades: this.#upgradesCheck(),
        gate: this.phase === 'serving' ? 'ok' : this.phase,
        proxies: proxies.join('; ') || 'ok',
      },
      recoverySeconds: standing.state === 'recovering' ? Math.ceil(standing.recoveryLeftMs / 1000) : null,
    };
  }

  #upgradesCheck(): string {
    const { share, standing } = this.#domain;
    if (standing.synced) return 'decided by the store';
    return this.#policy === 'share' && !share.isKnown ? NO_SHARE_YET : DECIDES[this.#policy];
  }

  #storeCheck({ state, gatesAwaited, recoveryLeftMs }: Standing): string {
    const others = gatesAwaited > 0 ? `, ${gatesAwaited} gates that were there have not come back` : '';
    switch (state) {
      case 'away':
        return `the store does not answer: ${this.#storeAway}`;
      case 'catching up':
        return `is being told what went on without it: not trusted yet${others}`;
      case 'recovering':
        return (
          `is new or may have lost leases: not trusted for another ${recoveryLeftMs} ms (lease.recovery), ` +
          `until Envoys have spoken of the connections that are open${others}`
        );
      case 'synced':
        return this.#storeRefuses === undefined ? 'ok' : `refused the last upgrade: ${this.#storeRefuses}`;
    }
  }
}
