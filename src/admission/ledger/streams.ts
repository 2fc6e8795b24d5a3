/** The access log streams that proxies have open to this gate. What they say goes to `entries.ts` and `releases.ts`. */

import type { ProxyId } from '../ids.ts';
import type { Parts } from '../parts.ts';
import type { Entries, Entry, LogStream } from './entries.ts';

/** A proxy that renews says so within this part of a ttl: half of it bears no lost log entry. */
const RENEWED_WITHIN = 1 / 2.5;
/** For what a log entry takes on its way. */
const ON_ITS_WAY_MS = 1000;

export class Streams {
  readonly #parts: Parts;
  readonly #entries: Entries;
  readonly #ttlMs: number;
  readonly #streams = new Map<ProxyId, Set<LogStream>>();

  constructor(parts: Parts, entries: Entries, { ttlMs }: { ttlMs: number }) {
    this.#parts = parts;
    this.#entries = entries;
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    let size = 0;
    for (const streams of this.#streams.values()) size += streams.size;
    return size;
  }

  /** The proxies that have a stream open here. */
  proxies(): Iterable<ProxyId> {
    return this.#streams.keys();
  }

  /** How often each of them asks whether this gate is there, ms: 0 for never, undefined while that is not known. */
  pings(): ReadonlyMap<ProxyId, number | undefined> {
    const found = new Map<ProxyId, number | undefined>();
    for (const [proxy, streams] of this.#streams) {
      const known = [...streams].map(({ pingMs }) => pingMs()).filter((ms) => ms !== undefined);
      found.set(proxy, known.length === 0 ? undefined : known.includes(0) ? 0 : Math.max(...known));
    }
    return found;
  }

  open(proxy: ProxyId, pingMs: () => number | undefined = () => undefined): LogStream {
    const stream = { proxy, pingMs, entries: new Set<Entry>() };
    let streams = this.#streams.get(proxy);
    if (!streams) {
      streams = new Set();
      this.#streams.set(proxy, streams);
    }
    streams.add(stream);
    return stream;
  }

  /** It broke, or was ended by either side. Its connections may live on. */
  close(stream: LogStream): void {
    const streams = this.#streams.get(stream.proxy);
    if (!streams?.delete(stream)) return;
    this.#parts.evidence.lost(stream.proxy);
    this.#entries.orphan(stream);
    if (streams.size === 0) this.#streams.delete(stream.proxy);
  }

  /** Of proxies that have sent no periodic log entry yet: a connection of which its stream says nothing for too long. */
  lookForUnrenewed(nowMs: number): void {
    const { evidence } = this.#parts;
    const latestMs = nowMs - this.#ttlMs * RENEWED_WITHIN - ON_ITS_WAY_MS;
    for (const [proxy, streams] of this.#streams) {
      if (evidence.intervals.has(proxy) || evidence.unrenewed.has(proxy)) continue;
      const overdue = ({ state, told, speakerSinceMs }: Entry) =>
        state === 'live' && !told && speakerSinceMs < latestMs;
      if ([...streams].some(({ entries }) => entries.values().some(overdue))) evidence.renewsNothing(proxy);
    }
  }
}
