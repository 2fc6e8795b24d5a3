/** Which events get a line in the log, and its text. Denials over the limit are ordinary: metrics count them. */

import type { Logger } from 'pino';
import type { Events } from './admission/events.ts';
import type { OutagePolicy } from './admission/outage.ts';
import { UNRENEWED } from './readiness.ts';
import { see } from './see.ts';

/** Events that may come often get a line at most this often. The metrics count all of them. */
const AGAIN_MS = 10_000;
/** Of a list in one line. */
const SHOWN_MAX = 20;

/** What becomes of upgrades while a gate that has just started cannot trust its store. */
const AT_START: Readonly<Record<OutagePolicy, string>> = {
  share: 'nobody is admitted',
  deny: 'nobody is admitted',
  allow: 'everybody is admitted (outage.policy: allow)',
};

export function logEvents(events: Events, log: Logger, policy: OutagePolicy): void {
  const toldAtMs = new Map<string, number>();
  const isDue = (what: string): boolean => {
    const nowMs = performance.now();
    if (nowMs - (toldAtMs.get(what) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return false;
    toldAtMs.set(what, nowMs);
    return true;
  };
  events.on('storeChanged', (up, detail) => {
    if (up) log.info('the store answers');
    else
      log.error({ detail, see: see('store-away') }, 'the store does not answer: upgrades are decided by outage.policy');
  });
  let wasTrusted = false;
  let recovers = false;
  events.on('standingChanged', (state, before) => {
    if (state === 'synced') {
      const why = recovers ? 'recovery is over: ' : '';
      log.info({ before }, `${why}the counts of the store are trusted, it decides upgrades`);
      wasTrusted = true;
      recovers = false;
    }
    if (before === 'synced' && state === 'catching up') log.warn('the counts of the store are not trusted');
  });
  events.on('clockStepped', (byMs) => {
    log.warn({ byMs }, "the store's clock was set: silences from before do not count as evidence");
  });
  events.on('storeLost', (untrustedForMs) => {
    if (untrustedForMs === 0) return;
    recovers = true;
    const meanwhile = wasTrusted ? 'upgrades are decided by outage.policy' : AT_START[policy];
    log.warn(
      { untrustedForMs, see: see('store-recovering') },
      `the store is new or may have lost leases: for lease.recovery ${meanwhile}, until Envoys have spoken of the ` +
        'connections that are open',
    );
  });
  events.on('released', (pod, cause, count) => {
    if (cause === 'expired') log.warn({ pod, count }, 'released leases of connections whose end nobody told');
    if (cause === 'outlived') {
      log.warn({ pod, count }, 'released leases of which nobody has told for lease.unrenewedMax: they may be open');
    }
  });
  events.on('endpointsTold', (service, joined, left) => {
    const some = (all: readonly string[]) => (all.length > SHOWN_MAX ? [...all.slice(0, SHOWN_MAX), '…'] : all);
    log.info({ service, joined: some(joined), left: some(left) }, 'the endpoints of a service have changed');
  });
  events.on('endpointsUnread', (service, why) => {
    if (why === undefined) log.info({ service }, 'the endpoints of this service can be read');
    else
      log.error(
        { service, why, see: see('endpoints-unread') },
        'the endpoints of this service cannot be read: its pods stay those that are known',
      );
  });
  events.on('avoided', (pod, forMs) => {
    log.warn({ pod, forMs }, 'a pod refused a connection: no gate sends new ones there for a while');
  });
  events.on('listsDiffer', (service, differ) => {
    const name = service.slice(0, -1);
    if (!differ) log.info({ service: name }, 'this gate has the same pods of the service as the others again');
    else {
      const first = (pods: readonly string[]) => pods.slice(0, 10);
      const { by, onlyHere, onlyThere, limits } = differ;
      log.warn(
        {
          service: name,
          gate: by,
          onlyHere: first(onlyHere),
          onlyThere: first(onlyThere),
          otherLimits: first(limits),
          see: see('lists-differ'),
        },
        'another gate has other pods or limits of this service, and its list counts because it is newer',
      );
    }
  });
  events.on('waitCut', (service, waitMs, allowedMs) => {
    log.warn(
      { service: service.slice(0, -1), waitMs, allowedMs, see: see('deadline-too-long') },
      "services.….wait is longer than the timeout of Envoy's ext_authz filter lets upgrades wait",
    );
  });
  events.on('audited', ({ atMs: _atMs, ...entry }) => log.info(entry, 'somebody has changed the fleet'));
  events.on('closing', (pod, lease, reason) => log.info({ pod, lease, reason }, 'closes a connection, as asked for'));
  events.on('adopted', (pod, count, overLimit) => {
    log.info({ pod, count, overLimit }, 'counted connections that the store did not know');
  });
  events.on('flushedTooRarely', (proxy, intervalMs, key, leastMs) => {
    log.warn(
      { proxy, intervalMs, key, leastMs, see: see('ttl-too-short') },
      `${key} is too short for this proxy's access_log_flush_interval`,
    );
  });
  events.on('unlogged', (proxy) => {
    log.error(
      { proxy, see: see('closes-not-heard') },
      'this proxy sends Checks but no access log: its slots are never freed; see envoy/edge.yaml',
    );
  });
  events.on('unheard', (proxy) => {
    log.error(
      { proxy, see: see('closes-not-heard') },
      'this proxy has sent Checks for 20 s, and no gate has had an entry of its access log: closes may not be heard, and ' +
        'slots stay taken. Set access_log, and in access_log_options flush_log_on_tunnel_successfully_established and ' +
        'access_log_flush_interval; see envoy/edge.yaml',
    );
  });
  events.on('unheld', (proxy, count) => {
    log.warn(
      { proxy, count, see: see('closes-not-heard') },
      'the streams that held connections of this proxy are gone (a gate or the proxy ended, or the network between them ' +
        'broke), and no access log tells of these: each keeps its slot until somebody frees it or lease.unrenewedMax has ' +
        'passed. With the access log as well this does not happen; see envoy/edge-hold.yaml',
    );
  });
  events.on('unrenewed', (proxy, why) => {
    if (why === undefined) log.info({ proxy }, 'this proxy renews its connections');
    else
      log.error(
        { proxy, why, see: see('closes-not-heard') },
        `the slots of this proxy are not freed when ends get lost: ${UNRENEWED[why]}`,
      );
  });
  events.on('contradicted', (proxy, count) => {
    log.error(
      { proxy, count, see: see('silence-contradicted') },
      "freed slots of connections that were open: this proxy's silence is not trusted now",
    );
  });
  events.on('unasking', (proxy) => {
    log.warn(
      { proxy },
      'this proxy does not check that its gate still answers, and would go on logging to one that hangs: ' +
        'set http2_protocol_options.connection_keepalive on its cluster for the access log; see envoy/edge.yaml',
    );
  });
  events.on('gatesSilent', (gates) => {
    if (gates.length > 0)
      log.warn(
        { gates, see: see('gates-silent') },
        'gates have stopped their heartbeat: they crashed, hang or are cut off',
      );
    else log.info('no gate is silent any more');
  });
  events.on('boundReached', (key) => {
    if (isDue(`bound ${key}`))
      log.warn({ key, see: see('bound-reached') }, 'the maximum of this key is reached: more is refused or given up');
  });
  events.on('invariantBroken', (invariant) => {
    if (isDue(invariant)) log.error({ invariant }, 'this cannot be: it is a bug, or somebody else writes to the store');
  });
  events.on('releaseDropped', (pod) => {
    log.warn({ pod }, 'gave up a release: ledger.releasesMax are waiting; the slot is free when its lease expires');
  });
}
