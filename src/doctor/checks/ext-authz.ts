/** The ext_authz filter that asks a gate. */

import type { Config } from '../../config/schema.ts';
import type { Finding } from '../finding.ts';
import { type Door, type GateSide, podOf } from '../gate-side.ts';
import { at, durationMs, list, text } from '../json.ts';

/** A client that is kept waiting for longer has given up. */
const TIMEOUT_MS_MAX = 10_000;
/** Envoy's, where none is set. */
const TIMEOUT_MS_DEFAULT = 200;

export function examineExtAuthz(side: GateSide, gate: Config): Finding[] {
  return side.doors.filter(({ kind }) => kind === 'ext_authz').flatMap((door) => examine(side, door, gate));
}

function examine(side: GateSide, door: Door, gate: Config): Finding[] {
  const { config } = door;
  const where = `${side.manager.where}, filter ${door.filter.name}`;
  const found: Finding[] = [];
  if (at(config, 'failure_mode_allow') === true) {
    found.push({
      check: 'failure-mode-allow',
      cost: 'limit',
      where,
      says: 'while no gate answers, everybody is let in; they are counted when a gate is back, and nobody is sent away',
      line: 'failure_mode_allow: false',
    });
  } else if (text(config, 'status_on_error', 'code') === undefined) {
    found.push({
      check: 'status-on-error',
      cost: 'refusals',
      where,
      says: 'while no gate answers, clients get 403, which they take for final',
      line: 'status_on_error: {code: ServiceUnavailable}',
    });
  }
  const namespaces = list(config, 'route_metadata_context_namespaces');
  const podsInRoutes = side.manager.routes.some((route) => podOf(route) !== undefined);
  if (podsInRoutes && gate.pods.from.includes('route') && !namespaces.includes('wsgate')) {
    found.push({
      check: 'no-namespaces',
      cost: 'refusals',
      where,
      says: 'routes tell their pods in the metadata wsgate, and the filter does not send it: upgrades get 403 POD_UNKNOWN',
      line: 'route_metadata_context_namespaces: [wsgate]',
    });
  }
  return [
    ...found,
    ...hiddenUpgrades(side, door, where, gate),
    ...timeoutOf(door, where, gate),
    ...retriesOf(door, where),
  ];
}

function hiddenUpgrades({ manager }: GateSide, { config }: Door, where: string, gate: Config): Finding[] {
  const hidden = (line: string): Finding => ({
    check: 'hidden-upgrades',
    cost: 'limit',
    where,
    says: 'the gate is not shown the header upgrade, takes no request for a WebSocket, and lets all of them in',
    line,
  });
  const found: Finding[] = [];
  const allowed = list(config, 'allowed_headers', 'patterns');
  if (allowed.length > 0 && !allowed.some(takesUpgrade) && !(gate.proxy.upgradesOnly && manager.upgradesOnly)) {
    const other = manager.upgradesOnly
      ? '; or proxy.upgradesOnly in every gate'
      : ' (headersToExtAuth of a SecurityPolicy)';
    found.push(hidden(`{exact: upgrade} in allowed_headers${other}`));
  }
  if (list(config, 'disallowed_headers', 'patterns').some(takesUpgrade)) {
    found.push(hidden('disallowed_headers without a pattern that takes upgrade in'));
  }
  return found;
}

function timeoutOf({ service }: Door, where: string, gate: Config): Finding[] {
  const timeoutMs = durationMs(service, 'timeout') ?? TIMEOUT_MS_DEFAULT;
  const deadlineMs = gate.store.deadline;
  if (timeoutMs > deadlineMs && timeoutMs <= TIMEOUT_MS_MAX) return [];
  const tooShort = `a Check is given up after ${timeoutMs} ms, and the gate may wait ${deadlineMs} ms for Redis (store.deadline)`;
  const tooLong = `an upgrade waits up to ${timeoutMs / 1000} s for a gate that is gone`;
  return [
    {
      check: 'timeout',
      cost: 'refusals',
      where,
      says: timeoutMs > TIMEOUT_MS_MAX ? tooLong : tooShort,
      line: 'grpc_service: {timeout: 0.5s}',
    },
  ];
}

function retriesOf({ service }: Door, where: string): Finding[] {
  const misplaced = at(service, 'envoy_grpc', 'retry_policy') !== undefined;
  if (!misplaced && at(service, 'retry_policy') !== undefined) return [];
  return [
    {
      check: 'no-retry',
      cost: 'advice',
      where,
      says: misplaced
        ? 'Envoy ignores a retry_policy inside envoy_grpc: a gate that restarts refuses upgrades'
        : 'a Check is not tried at a second gate: one that restarts refuses upgrades',
      line: 'retry_policy beside envoy_grpc, with previous_hosts, as in envoy/edge.yaml',
    },
  ];
}

/** A StringMatcher, of the name of a header. */
function takesUpgrade(pattern: unknown): boolean {
  const name = 'upgrade';
  const [exact, prefix, suffix, contains] = ['exact', 'prefix', 'suffix', 'contains'].map((kind) =>
    text(pattern, kind)?.toLowerCase(),
  );
  if (exact !== undefined) return exact === name;
  if (prefix !== undefined) return name.startsWith(prefix);
  if (suffix !== undefined) return name.endsWith(suffix);
  if (contains !== undefined) return name.includes(contains);
  return matches(text(pattern, 'safe_regex', 'regex'), name);
}

/** The whole of `text`, as Envoy does. A notation that is RE2's own matches nothing here. */
function matches(regex: string | undefined, name: string): boolean {
  try {
    return regex !== undefined && new RegExp(`^(?:${regex})$`).test(name);
  } catch {
    return false;
  }
}
