/** Overrides, and what comes of changing one, as the API tells it. */

import type { FastifyReply } from 'fastify';
import type { PodId } from '../admission/ids.ts';
import type { Answer } from '../admission/lease-store.ts';
import {
  type AuditEntry,
  type Drain,
  OVERRIDES_MAX,
  type Overridden,
  type Override,
  type OverrideOutcome,
} from '../admission/override.ts';
import type { AuditEntryBody, DrainBody, OverrideBody } from './bodies.ts';
import { sendAway, sendProblem } from './problem.ts';
import { isoTime } from './time.ts';

const REFUSALS: Readonly<Record<Exclude<OverrideOutcome, 'done'>, readonly [status: number, detail: string]>> = {
  none: [404, 'nothing to take back'],
  changed: [409, 'somebody else has changed it meanwhile: look again'],
  'too many': [
    409,
    `there are ${OVERRIDES_MAX} overrides already: take some back, or write limits into the configuration`,
  ],
};

/** Undefined where it was done. */
export function refusalOf(reply: FastifyReply, pod: PodId, answer: Answer<Overridden>): FastifyReply | undefined {
  if (!answer.ok) return sendAway(reply, answer);
  const { outcome } = answer.value;
  if (outcome === 'done') return undefined;
  const [status, detail] = REFUSALS[outcome];
  return sendProblem(reply, status, `${pod}: ${detail}`);
}

export function overrideBody({ kind, pod, atMs, untilMs, decision }: Override): OverrideBody {
  const { by = '', reason = null, connections, drain } = decision ?? {};
  return {
    kind,
    pod,
    ...(connections === undefined ? {} : { connections }),
    by,
    at: isoTime(atMs),
    until: untilMs === undefined ? null : isoTime(untilMs),
    reason,
    ...(drain ? { drain: drainBody(drain) } : {}),
  };
}

function drainBody({ rate, asked, left, doneMs }: Drain): DrainBody {
  return { rate, asked, left: left ?? null, done: doneMs === undefined ? null : isoTime(doneMs) };
}

export function entryBody({ atMs, ...entry }: AuditEntry): AuditEntryBody {
  return { time: isoTime(atMs), ...entry };
}
