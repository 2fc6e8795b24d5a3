/** Which entries of a WebSocket pass an access log's filter. */

import { at, type Json, list, number, text } from './json.ts';

export type EntryType = 'DownstreamTunnelSuccessfullyEstablished' | 'DownstreamPeriodic' | 'DownstreamEnd';

export interface Judgement {
  /** `perhaps`: it depends on the connection. */
  readonly passes: 'yes' | 'perhaps' | 'no';
  /** What it depends on; `upgrade` for the case of that header's value. */
  readonly why: readonly string[];
}

const YES: Judgement = { passes: 'yes', why: [] };
const NO: Judgement = { passes: 'no', why: [] };
const perhaps = (why: string): Judgement => ({ passes: 'perhaps', why: [why] });

/** `filter`: an AccessLogFilter; without one everything passes. */
export function judge(filter: Json, type: EntryType): Judgement {
  if (filter === undefined) return YES;
  const all = at(filter, 'and_filter');
  if (all !== undefined) return worst(list(all, 'filters').map((one) => judge(one, type)));
  const any = at(filter, 'or_filter');
  if (any !== undefined) return best(list(any, 'filters').map((one) => judge(one, type)));
  const types = at(filter, 'log_type_filter');
  if (types !== undefined) return list(types, 'types').includes(type) !== (at(types, 'exclude') === true) ? YES : NO;
  const header = at(filter, 'header_filter', 'header');
  if (header !== undefined) return judgeHeader(header);
  const status = at(filter, 'status_code_filter', 'comparison');
  if (status !== undefined) return judgeStatus(status, type);
  if (at(filter, 'not_health_check_filter') !== undefined) return YES;
  // An expression is not evaluated here; one that asks for the header is taken at its word.
  if (JSON.stringify(filter).toLowerCase().includes('upgrade')) return YES;
  return perhaps(Object.keys(Object(filter))[0] ?? 'the filter');
}

function worst(all: readonly Judgement[]): Judgement {
  if (all.some(({ passes }) => passes === 'no')) return NO;
  const doubts = all.flatMap(({ why }) => why);
  return doubts.length > 0 ? { passes: 'perhaps', why: doubts } : YES;
}

function best(all: readonly Judgement[]): Judgement {
  if (all.some(({ passes }) => passes === 'yes')) return YES;
  const doubts = all.flatMap(({ why }) => why);
  return doubts.length > 0 ? { passes: 'perhaps', why: doubts } : NO;
}

/** A HeaderMatcher. */
function judgeHeader(header: Json): Judgement {
  const name = text(header, 'name')?.toLowerCase();
  if (name !== 'upgrade') return perhaps(`header_filter on ${name}`);
  if (at(header, 'invert_match') === true) return NO;
  const exact = text(header, 'string_match', 'exact') ?? text(header, 'exact_match');
  if (exact === undefined) return YES;
  if (exact.toLowerCase() !== 'websocket') return NO;
  return at(header, 'string_match', 'ignore_case') === true ? YES : perhaps('upgrade');
}

/** An end has the 101 of its WebSocket, or the status of a refusal; what lives has 101. EQ is not printed: it is the default. */
function judgeStatus(comparison: Json, type: EntryType): Judgement {
  const value = number(comparison, 'value', 'default_value') ?? 0;
  const op = text(comparison, 'op') ?? 'EQ';
  const passes = { EQ: 101 === value, GE: 101 >= value, LE: 101 <= value, NE: 101 !== value }[op];
  if (passes === undefined) return perhaps('status_code_filter');
  if (!passes) return NO;
  return type === 'DownstreamEnd' && !(op === 'GE' && value === 0) ? perhaps('status_code_filter') : YES;
}
