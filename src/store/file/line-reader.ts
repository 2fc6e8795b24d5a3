/** What the lines of the file say (`format.ts`), once its checksum has held. Each is looked at all the same: a gate of another build may have written it. */

import { z } from 'zod';
import {
  type LeaseId,
  type PodId,
  type ProxyId,
  parseLeaseId,
  parsePodId,
  parseProxyId,
  parseServiceId,
  type Where,
} from '../../admission/ids.ts';
import { AUDIT_ACTIONS, type AuditEntry, OVERRIDE_KINDS, type Override } from '../../admission/override.ts';
import type { Occasion, Snapshot, StoredEnd, StoredLease, StoredPod } from './snapshot.ts';

/** A snapshot that stays as it is. */
export interface ReadSnapshot extends Snapshot {
  readonly pods: readonly ReadPod[];
  readonly ended: readonly StoredEnd[];
  readonly proxies: readonly ProxyId[];
  readonly overrides: readonly Override[];
  readonly audit: readonly AuditEntry[];
}

interface ReadPod extends StoredPod {
  readonly leases: readonly StoredLease[];
}

export class LineReader {
  #occasion: Occasion | undefined;
  #incarnationAgeMs = 0;
  readonly #pods: ReadPod[] = [];
  readonly #ended: StoredEnd[] = [];
  readonly #proxies: ProxyId[] = [];
  readonly #overrides: Override[] = [];
  readonly #audit: AuditEntry[] = [];
  /** Of the pod whose line came last. */
  #leases: StoredLease[] | undefined;

  get occasion(): Occasion | undefined {
    return this.#occasion;
  }

  get snapshot(): ReadSnapshot {
    return {
      incarnationAgeMs: this.#incarnationAgeMs,
      pods: this.#pods,
      ended: this.#ended,
      proxies: this.#proxies,
      overrides: this.#overrides,
      audit: this.#audit,
    };
  }

  /** False when the line says nothing that can be. */
  take(line: string): boolean {
    const [kind, ...said] = listIn(line);
    if (kind === 'written') return this.#written(said);
    if (!this.#occasion) return false;
    switch (kind) {
      case 'pod':
        return this.#pod(said);
      case 'lease':
        return this.#lease(said);
      case 'ended':
        return this.#end(said);
      case 'proxy':
        return this.#proxy(said);
      case 'override':
        return this.#override(said);
      case 'audit':
        return this.#entry(said);
      default:
        return false;
    }
  }

  #written([stopped, atMs, incarnationAgeMs]: readonly unknown[]): boolean {
    if (this.#occasion || typeof stopped !== 'boolean' || !isWhole(atMs) || !isWhole(incarnationAgeMs)) return false;
    this.#occasion = { stopped, atMs };
    this.#incarnationAgeMs = incarnationAgeMs;
    return true;
  }

  #pod([name, usedAgoMs]: readonly unknown[]): boolean {
    const pod = podIn(name);
    if (pod === undefined || !isWhole(usedAgoMs)) return false;
    this.#leases = [];
    this.#pods.push({ pod, usedAgoMs, leases: this.#leases });
    return true;
  }

  #lease([id, leftMs, flags, path, client]: readonly unknown[]): boolean {
    const lease = leaseIn(id);
    if (lease === undefined || !isWhole(leftMs) || !isWhole(flags) || typeof path !== 'string') return false;
    if (client !== undefined && typeof client !== 'string') return false;
    this.#leases?.push({ lease, leftMs, flags, path, ...(client === undefined ? {} : { client }) });
    return this.#leases !== undefined;
  }

  #end([name, id, leftMs]: readonly unknown[]): boolean {
    const pod = whereIn(name);
    const lease = leaseIn(id);
    if (pod === undefined || lease === undefined || !isWhole(leftMs)) return false;
    this.#ended.push({ pod, lease, leftMs });
    return true;
  }

  #override(said: readonly unknown[]): boolean {
    const { success, data } = override.safeParse(said);
    if (!success) return false;
    const [kind, pod, version, atMs, untilMs, decided] = data;
    const ends = untilMs === null ? {} : { untilMs };
    this.#overrides.push({ kind, pod, version, atMs, ...ends, ...(decided ? { decision: decided } : {}) });
    return true;
  }

  #entry([said]: readonly unknown[]): boolean {
    const { success, data } = entry.safeParse(said);
    if (success) this.#audit.push(data);
    return success;
  }

  #proxy([name]: readonly unknown[]): boolean {
    const proxy = typeof name === 'string' ? parseProxyId(name) : undefined;
    if (proxy === undefined) return false;
    this.#proxies.push(proxy);
    return true;
  }
}

const count = z.int().min(0);
const decision = z.strictObject({
  by: z.string(),
  reason: z.string().exactOptional(),
  connections: count.exactOptional(),
  drain: z
    .strictObject({
      rate: count,
      asked: count,
      nextMs: z.number(),
      left: count.exactOptional(),
      doneMs: z.number().exactOptional(),
    })
    .exactOptional(),
});
const entry = z.strictObject({
  action: z.enum(AUDIT_ACTIONS),
  by: z.string(),
  pod: z.string().transform(toName(parsePodId)).exactOptional(),
  proxy: z.string().transform(toName(parseProxyId)).exactOptional(),
  lease: z.string().transform(toName(parseLeaseId)).exactOptional(),
  reason: z.string().exactOptional(),
  connections: count.exactOptional(),
  rate: count.exactOptional(),
  asked: count.exactOptional(),
  left: count.exactOptional(),
  atMs: z.int(),
});
const override = z.tuple([
  z.enum(OVERRIDE_KINDS),
  z.string().transform(toName(parsePodId)),
  z.int(),
  z.int(),
  z.int().nullable(),
  decision.optional(),
]);

function toName<Name>(parse: (text: string) => Name | undefined) {
  return (text: string, context: z.RefinementCtx<string>): Name => {
    const name = parse(text);
    if (name !== undefined) return name;
    context.addIssue('no such name');
    return z.NEVER;
  };
}

function listIn(line: string): unknown[] {
  try {
    const said: unknown = JSON.parse(line);
    return Array.isArray(said) ? said : [];
  } catch {
    return [];
  }
}

function podIn(name: unknown): PodId | undefined {
  return typeof name === 'string' ? parsePodId(name) : undefined;
}

function whereIn(name: unknown): Where | undefined {
  return (
    podIn(name) ?? (typeof name === 'string' && name.endsWith('/') ? parseServiceId(name.slice(0, -1)) : undefined)
  );
}

function leaseIn(id: unknown): LeaseId | undefined {
  return typeof id === 'string' ? parseLeaseId(id) : undefined;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
