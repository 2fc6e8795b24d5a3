/**
 * The file's format: lines of text. The first names the format and its version, the last has the checksum of all before
 * it. Each line between is a list in JSON:
 *
 *   ["written", stopped, atMs, incarnationAgeMs]   the second line
 *   ["pod", pod, usedAgoMs]                  the leases that follow are this pod's
 *   ["lease", lease, leftMs, flags, path, client]   without `client` where none is known
 *   ["ended", pod, lease, leftMs]
 *   ["proxy", proxy]
 *   ["override", kind, pod, version, atMs, untilMs, decision]   null for an end that is not known; without a decision
 *                                            where it was taken back
 *   ["audit", entry]
 */

import { createHash } from 'node:crypto';
import { LineReader, type ReadSnapshot } from './line-reader.ts';
import type { Occasion, Snapshot } from './snapshot.ts';

const VERSION = 1;
const FIRST_LINE = /^wsgate leases (\d{1,9})\n/;
const LAST_LINE = /(?<=\n)sha256 ([0-9a-f]{64})\n$/;
const LAST_LINE_BYTES = 'sha256 '.length + 64 + 1;
const CHUNK_CHARS = 64 * 1024;
const NEWLINE = 10;

export type Decoded =
  | { readonly ok: true; readonly occasion: Occasion; readonly snapshot: ReadSnapshot }
  /** `problem` continues a sentence about the file. */
  | { readonly ok: false; readonly problem: string };

/** The file's bytes, a chunk at a time. A snapshot of a store that goes on changing is read as the chunks are asked for. */
export function* encode(snapshot: Snapshot, occasion: Occasion): Generator<Buffer> {
  const hash = createHash('sha256');
  let text = `wsgate leases ${VERSION}\n`;
  for (const line of linesOf(snapshot, occasion)) {
    text += `${JSON.stringify(line)}\n`;
    if (text.length < CHUNK_CHARS) continue;
    yield hashed();
    text = '';
  }
  yield hashed();
  yield Buffer.from(`sha256 ${hash.digest('hex')}\n`);

  function hashed(): Buffer {
    const chunk = Buffer.from(text);
    hash.update(chunk);
    return chunk;
  }
}

/** Times are whole: the store's clock may tell fractions. */
function* linesOf(
  { incarnationAgeMs, pods, ended, proxies, overrides, audit }: Snapshot,
  { stopped, atMs }: Occasion,
): Generator<unknown> {
  yield ['written', stopped, atMs, Math.floor(incarnationAgeMs)];
  for (const { pod, usedAgoMs, leases } of pods) {
    yield ['pod', pod, Math.round(usedAgoMs)];
    for (const { lease, leftMs, flags, path, client } of leases) {
      yield ['lease', lease, Math.round(leftMs), flags, path, ...(client === undefined ? [] : [client])];
    }
  }
  for (const { pod, lease, leftMs } of ended) yield ['ended', pod, lease, Math.round(leftMs)];
  for (const proxy of proxies) yield ['proxy', proxy];
  for (const { kind, pod, version, atMs, untilMs, decision } of overrides) {
    const times = [Math.round(atMs), untilMs === undefined ? null : Math.round(untilMs)];
    yield ['override', kind, pod, version, ...times, ...(decision ? [decision] : [])];
  }
  for (const entry of audit) yield ['audit', { ...entry, atMs: Math.round(entry.atMs) }];
}

export function decode(bytes: Buffer): Decoded {
  const version = FIRST_LINE.exec(bytes.toString('latin1', 0, 32))?.[1];
  if (version === undefined) return unusable('is not a file of leases');
  if (Number(version) !== VERSION) {
    return unusable(`is of version ${version}, and this gate reads version ${VERSION}`);
  }
  const bodyEnd = bytes.length - LAST_LINE_BYTES;
  const checksum = LAST_LINE.exec(bytes.toString('latin1', Math.max(0, bodyEnd - 1)))?.[1];
  if (checksum === undefined) return unusable('ends in the middle: the rest of it was never written, or is lost');
  const body = bytes.subarray(0, bodyEnd);
  if (createHash('sha256').update(body).digest('hex') !== checksum) {
    return unusable('does not match its checksum: it is damaged, or was changed by hand');
  }
  return read(body);
}

function read(body: Buffer): Decoded {
  const reader = new LineReader();
  let lineNumber = 1;
  let start = body.indexOf(NEWLINE) + 1;
  while (start < body.length) {
    const end = body.indexOf(NEWLINE, start);
    lineNumber += 1;
    if (!reader.take(body.toString('utf8', start, end))) return unusable(`has an unknown line, number ${lineNumber}`);
    start = end + 1;
  }
  const { occasion, snapshot } = reader;
  return occasion ? { ok: true, occasion, snapshot } : unusable('has no line but its first');
}

function unusable(problem: string): Decoded {
  return { ok: false, problem };
}
