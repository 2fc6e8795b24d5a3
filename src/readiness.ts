/**
 * Three who ask how a gate is have three questions. An orchestrator asks whether to send it traffic (`ready`): yes as
 * soon as it can answer Checks, also where the answer is that of `outage.policy`; else a Redis that is away would take
 * every gate out of service. People ask what it does and what is wrong (`checks`). Envoy asks whether another gate would
 * be better; that is the gRPC health of `envoy/retreat.ts`.
 */

import type { Unrenewed } from './admission/events.ts';
import type { ProxyId } from './admission/ids.ts';
import type { OutagePolicy } from './admission/outage.ts';
import type { Standing } from './admission/standing.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

export interface Situation {
  readonly standing: Standing;
  readonly policy: OutagePolicy;
  readonly stopping: boolean;
  /** Why the store does not answer; why it refused the last upgrade that it was asked, if it did. */
  readonly storeAway: string;
  readonly storeRefuses: string | undefined;
  readonly unlogged: Iterable<ProxyId>;
  readonly unrenewed: Iterable<readonly [ProxyId, Unrenewed]>;
}

const DECIDES: Readonly<Record<OutagePolicy, string>> = {
  share: 'upgrades are admitted within this gate’s share (outage.policy: share)',
  deny: 'nobody is admitted (outage.policy: deny)',
  allow: 'everybody is admitted (outage.policy: allow)',
};

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

export function readiness(situation: Situation): Readiness {
  const { standing, policy, stopping } = situation;
  const proxies = [
    ...[...situation.unlogged].map((proxy) => `${proxy} sends Checks but no access log`),
    ...[...situation.unrenewed].map(([proxy, why]) => `${proxy}: ${UNRENEWED[why]}`),
  ];
  return {
    ready: !stopping && (standing.met || policy === 'allow'),
    checks: {
      store: storeCheck(situation),
      upgrades: standing.synced ? 'decided by the store' : DECIDES[policy],
      gate: stopping ? 'stopping' : 'ok',
      proxies: proxies.join('; ') || 'ok',
    },
  };
}

function storeCheck({ standing, storeAway, storeRefuses }: Situation): string {
  const others = standing.gatesAwaited > 0 ? `, ${standing.gatesAwaited} gates that were there have not come back` : '';
  switch (standing.state) {
    case 'away':
      return `the store does not answer: ${storeAway}`;
    case 'catching up':
      return `is being told what went on without it: not trusted yet${others}`;
    case 'recovering':
      return `may have lost leases: not trusted for another ${standing.recoveryLeftMs} ms${others}`;
    case 'synced':
      return storeRefuses === undefined ? 'ok' : `refused the last upgrade: ${storeRefuses}`;
  }
}
