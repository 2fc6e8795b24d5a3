/**
 * Endpoints from the DNS: the addresses of a name, with a port, or its SRV records. Asked again when the shortest TTL of the
 * records has passed, within bounds.
 *
 * A failure changes nothing, and neither does an answer without records: that is a broken DNS far more often than a service
 * without pods. A pod that is really gone refuses connections, and is avoided.
 */

import type { RecordWithTtl, SrvRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { parseEndpoint } from '../admission/ids.ts';
import type { Endpoint } from '../admission/services.ts';
import type { DnsConfig } from '../config/services.ts';
import { explain } from '../system-error.ts';
import type { EndpointListener, EndpointSource } from './endpoint-source.ts';

/** Of one server, and how often each is asked. */
const PATIENCE = { timeout: 1000, tries: 2 };

const NO_RECORD: ReadonlySet<unknown> = new Set(['ENODATA', 'ENOTFOUND']);

interface Found {
  readonly endpoints: readonly string[];
  readonly ttlMs: number;
}

export class DnsSource implements EndpointSource {
  readonly #config: DnsConfig;
  readonly #listener: EndpointListener;
  readonly #resolver = new Resolver(PATIENCE);
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(config: DnsConfig, listener: EndpointListener) {
    this.#config = config;
    this.#listener = listener;
    if (config.servers) this.#resolver.setServers(config.servers);
  }

  start(): void {
    void this.#ask();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#resolver.cancel();
  }

  async #ask(): Promise<void> {
    const { everyMin, everyMax } = this.#config;
    const found = await this.#find().catch((error: unknown) => reasonOf(error));
    if (this.#stopped) return;
    const isFound = typeof found !== 'string';
    if (isFound) this.#listener.endpoints(found.endpoints.map((address): Endpoint => ({ address })));
    else this.#listener.unread(found);
    const againMs = isFound ? Math.min(Math.max(found.ttlMs, everyMin), everyMax) : everyMin;
    this.#timer = setTimeout(() => void this.#ask(), againMs).unref();
  }

  /** A text where there is none, or none can be told: what is asked for. */
  async #find(): Promise<Found | string> {
    const { name, port, srv } = this.#config;
    if (name !== undefined && port !== undefined) {
      const found = await this.#addresses(name, port);
      return found.endpoints.length > 0 ? found : `${name} has no A and no AAAA record`;
    }
    if (srv === undefined) return 'nothing is asked for';
    const targets = firstOf(await noneIfAbsent(this.#resolver.resolveSrv(srv)));
    if (targets.length === 0) return `${srv} has no SRV record`;
    const all = await Promise.all(targets.map((target) => this.#addresses(target.name, target.port)));
    const bare = targets.find((_, index) => all[index]?.endpoints.length === 0);
    if (bare) return `${bare.name}, of an SRV record of ${srv}, has no A and no AAAA record`;
    return merged(all);
  }

  async #addresses(name: string, port: number): Promise<Found> {
    const answers = await Promise.all([
      noneIfAbsent(this.#resolver.resolve4(name, { ttl: true })),
      noneIfAbsent(this.#resolver.resolve6(name, { ttl: true })),
    ]);
    return merged(
      answers.flat().map(({ address, ttl }: RecordWithTtl) => {
        const endpoint = parseEndpoint(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
        return { endpoints: endpoint ? [endpoint] : [], ttlMs: ttl * 1000 };
      }),
    );
  }
}

/** Each endpoint once, in an order that is always the same: servers turn theirs round. */
function merged(all: readonly Found[]): Found {
  const endpoints = [...new Set(all.flatMap((each) => each.endpoints))].sort();
  return { endpoints, ttlMs: Math.min(...all.map(({ ttlMs }) => ttlMs)) };
}

/** Those to be used: the others are for when none of these can be reached (RFC 2782). */
function firstOf(records: readonly SrvRecord[]): SrvRecord[] {
  const first = Math.min(...records.map(({ priority }) => priority));
  return records.filter(({ priority, name }) => priority === first && name !== '');
}

async function noneIfAbsent<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records;
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_RECORD.has(error.code)) return [];
    throw error;
  }
}

/** The same for A and AAAA, so that it is told once. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error && 'code' in error && 'hostname' in error)) return explain(error);
  if (error.code === 'ETIMEOUT') return `no DNS server answers for ${error.hostname}`;
  return `the DNS servers answer ${String(error.code).slice(1)} for ${error.hostname}`;
}
