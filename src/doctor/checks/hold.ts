/** The hold door: the ext_proc filter that leads to a gate. */

import type { Config } from '../../config/schema.ts';
import type { Filter } from '../envoy-view.ts';
import type { Finding } from '../finding.ts';
import { type Door, type GateSide, metadataOf } from '../gate-side.ts';
import { at, isA, type Json, list, text } from '../json.ts';

const HOLDING = 'processing_mode: {request_header_mode: SEND, response_header_mode: SKIP, response_trailer_mode: SEND}';

export function examineHold(side: GateSide, gate: Config): Finding[] {
  return side.doors.filter(({ kind }) => kind === 'ext_proc').flatMap((door) => examine(side, door, gate));
}

function examine(side: GateSide, door: Door, gate: Config): Finding[] {
  const where = `${side.manager.where}, filter ${door.filter.name}`;
  return [...modeOf(door, where), ...failureOf(side, door, where), ...attributesOf(door, where, gate)];
}

function modeOf({ config }: Door, where: string): Finding[] {
  const mode = at(config, 'processing_mode');
  const found: Finding[] = [];
  if (text(mode, 'request_header_mode') === 'SKIP') {
    found.push({
      check: 'hold-asks-nobody',
      cost: 'limit',
      where,
      says: 'the gate is not sent the request headers: it decides nothing',
      line: HOLDING,
    });
  }
  if (text(mode, 'response_trailer_mode') !== 'SEND' && at(config, 'allow_mode_override') !== true) {
    found.push({
      check: 'hold-lets-go',
      cost: 'limit',
      where,
      says: 'Envoy closes the stream as soon as the gate has answered: the gate takes that for the end of the WebSocket',
      line: `${HOLDING}; or allow_mode_override: true`,
    });
  }
  const bodies = ['request_body_mode', 'response_body_mode'].filter((key) => {
    const value = text(mode, key);
    return value !== undefined && value !== 'NONE';
  });
  if (bodies.length > 0) {
    found.push({
      check: 'hold-bodies',
      cost: 'refusals',
      where,
      says: `${bodies.join(' and ')}: upgrades hang, or each frame is sent to the gate`,
      line: 'request_body_mode: NONE, response_body_mode: NONE',
    });
  }
  return found;
}

function failureOf(side: GateSide, { config, filter }: Door, where: string): Finding[] {
  if (at(config, 'failure_mode_allow') !== true) {
    return [
      {
        check: 'hold-fails-closed',
        cost: 'closes',
        where,
        says: 'when a gate dies, every WebSocket that it holds is closed',
        line: 'failure_mode_allow: true, and the filter admitted_only of envoy/hold.yaml behind it',
      },
    ];
  }
  const decidesBefore = side.doors.some(({ kind }) => kind === 'ext_authz');
  if (decidesBefore || isGuarded(side, filter)) return [];
  return [
    {
      check: 'hold-unguarded',
      cost: 'limit',
      where,
      says: 'while no gate answers, everybody is let in: no filter behind this one wants its answer',
      line: 'the filter admitted_only of envoy/hold.yaml, behind this one',
    },
  ];
}

/** Behind the door: an RBAC filter that asks for its metadata, on all routes or on each that has the door; or routes that do. */
function isGuarded({ manager }: GateSide, door: Filter): boolean {
  const behind = manager.filters.slice(manager.filters.findIndex(({ name }) => name === door.name) + 1);
  const guards = behind.filter(({ config }) => isA(config, 'RBAC'));
  const asked = manager.routes.filter(({ filterConfigs }) => !door.disabled || filterConfigs.has(door.name));
  const isOnEach = ({ name }: Filter) => asked.every(({ filterConfigs }) => wantsAnswer(filterConfigs.get(name)));
  const wants = [...guards.map(({ config }) => config), ...manager.routes.map(({ config }) => at(config, 'match'))];
  return wants.some(wantsAnswer) || (asked.length > 0 && guards.some(isOnEach));
}

function wantsAnswer(config: Json): boolean {
  return JSON.stringify(config)?.includes('"wsgate"') ?? false;
}

function attributesOf({ config, service }: Door, where: string, gate: Config): Finding[] {
  const attributes = list(config, 'request_attributes');
  const named =
    attributes.includes('xds.node.id') || metadataOf(service, 'x-wsgate-proxy') !== undefined || namedElsewhere(gate);
  if (named) return [];
  return [
    {
      check: 'no-name',
      cost: 'refusals',
      where,
      says: 'nothing tells the gate which Envoy asks: upgrades get 403 PROXY_UNKNOWN',
      line: 'request_attributes: [xds.node.id, …]; or proxy.from: [peer] in every gate',
    },
  ];
}

/** By the connection to the gate, or by the gate's own configuration. */
export function namedElsewhere({ proxy }: Config): boolean {
  const sources = proxy.from ?? [];
  return proxy.fromCertificate || sources.includes('peer') || sources.includes('certificate') || proxy.id !== undefined;
}
