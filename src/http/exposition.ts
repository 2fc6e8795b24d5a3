/**
 * The two formats of metrics, by the request's Accept header (RFC 9110, 12.5.1): OpenMetrics 1.0 for those that name it,
 * as Prometheus does, else Prometheus's own text.
 *
 * By hand, not by a registry of the library's OpenMetrics type: that one renames its counters for good when it is read,
 * so the other format would then lack their `_total`.
 */

import { Registry } from '@prometheus-io/client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { varyBy } from './vary.ts';

const OPEN_METRICS = 'application/openmetrics-text';
const OPEN_METRICS_VERSION = '1.0.0';
const TEXT = 'text/plain';

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  /** From 0 (not acceptable) to 1. */
  readonly quality: number;
}

/** `text`: as the library renders it for Prometheus. */
export function sendMetrics({ headers }: FastifyRequest, reply: FastifyReply, text: string): FastifyReply {
  varyBy(reply, 'accept');
  return wantsOpenMetrics(headers.accept ?? '')
    ? reply.type(Registry.OPENMETRICS_CONTENT_TYPE).send(openMetricsOf(text))
    : reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(text);
}

/** Only a client that names OpenMetrics gets it: a browser that takes everything is to see plain text. */
function wantsOpenMetrics(accept: string): boolean {
  const ranges = accept.split(',').map(mediaRange);
  const open = ranges.filter(
    ({ type, version = OPEN_METRICS_VERSION }) => type === OPEN_METRICS && version === OPEN_METRICS_VERSION,
  );
  const named = ranges.filter(({ type }) => type === TEXT);
  const plain = named.length > 0 ? named : ranges.filter(({ type }) => type === 'text/*' || type === '*/*');
  const quality = best(open);
  return quality > 0 && quality >= best(plain);
}

function best(ranges: readonly MediaRange[]): number {
  return Math.max(0, ...ranges.map(({ quality }) => quality));
}

function mediaRange(text: string): MediaRange {
  const [type = '', ...parameters] = text
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const values = new Map(parameters.map((part) => part.split(/\s*=\s*/, 2)).map(([name, value = '']) => [name, value]));
  const quality = Number(values.get('q') ?? 1);
  return { type, version: values.get('version'), quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** A counter's family has no `_total`, its samples do; no line is empty; the last line says that it is the last. */
function openMetricsOf(text: string): string {
  const families = text.replace(/^(# (?:HELP|TYPE) \S+)_total /gm, '$1 ').replaceAll('\n\n', '\n');
  return `${families}# EOF\n`;
}
