/** The overrides of the embedded store: those that somebody decided, the audit trail, and what acquires are judged by. */

import type { PodId } from '../admission/ids.ts';
import {
  AUDIT_MAX,
  type AuditEntry,
  type AuditNote,
  type Enforced,
  OVERRIDES_MAX,
  type Overridden,
  type Override,
  type OverrideChange,
  type OverridesNow,
  TAKEN_BACK_MS,
} from '../admission/override.ts';

export class OverrideTable {
  /** By kind and pod. */
  readonly #all = new Map<string, Override>();
  /** Oldest first. */
  readonly #audit: AuditEntry[] = [];
  readonly #enforced = new Map<PodId, { readonly version: number; readonly limit: Enforced | undefined }>();
  #version = 0;

  /** The limit that wins over the configured one. */
  limitOf(pod: PodId, nowMs: number): number | undefined {
    const limit = this.#enforced.get(pod)?.limit;
    return limit && (limit.untilMs ?? Number.POSITIVE_INFINITY) > nowMs ? limit.connections : undefined;
  }

  all(): Iterable<Override> {
    return this.#all.values();
  }

  override({ kind, pod, decision, forMs, replaces, note }: OverrideChange, nowMs: number): Overridden {
    const key = `${kind} ${pod}`;
    const before = this.#all.get(key);
    const ofPod = () => [...this.#all.values()].filter((each) => each.pod === pod);
    const unchanged = { timeMs: nowMs, version: this.#version, ofPod: ofPod() };
    if (!decision && !before?.decision) return { outcome: 'none', ...unchanged };
    if (replaces !== undefined && before?.version !== replaces) return { outcome: 'changed', ...unchanged };
    if (!before && this.#all.size >= OVERRIDES_MAX) return { outcome: 'too many', ...unchanged };
    const version = this.#advance(nowMs);
    const lastsMs = decision ? forMs : TAKEN_BACK_MS;
    const ends = lastsMs === undefined ? {} : { untilMs: nowMs + lastsMs };
    const atMs = (replaces === undefined ? undefined : before?.atMs) ?? nowMs;
    this.#all.set(key, { kind, pod, version, atMs, ...ends, ...(decision ? { decision } : {}) });
    if (note) this.note(note, nowMs);
    return { outcome: 'done', timeMs: nowMs, version, ofPod: ofPod() };
  }

  now(known: number, nowMs: number): OverridesNow {
    const expired: AuditEntry[] = [];
    for (const [key, { kind, pod, untilMs = Number.POSITIVE_INFINITY, decision }] of this.#all) {
      if (untilMs > nowMs) continue;
      this.#all.delete(key);
      this.#advance(nowMs);
      if (decision && kind === 'limit') expired.push({ action: 'limit.expired', by: 'wsgate', pod, atMs: nowMs });
    }
    for (const { atMs, ...note } of expired) this.note(note, atMs);
    const all = this.#version === known ? {} : { all: [...this.#all.values()] };
    return { timeMs: nowMs, version: this.#version, expired, ...all };
  }

  putBack(overrides: Iterable<Override>, nowMs: number): void {
    for (const override of overrides) {
      const key = `${override.kind} ${override.pod}`;
      if ((this.#all.get(key)?.version ?? -1) >= override.version) continue;
      if ((override.untilMs ?? Number.POSITIVE_INFINITY) <= nowMs) continue;
      this.#all.set(key, override);
      this.#version = Math.max(this.#version, override.version);
      this.#advance(nowMs);
    }
  }

  /** Whether it is in force now. */
  enforce(pod: PodId, version: number, limit: Enforced | undefined): boolean {
    if ((this.#enforced.get(pod)?.version ?? 0) > version) return false;
    if (limit) this.#enforced.set(pod, { version, limit });
    else this.#enforced.delete(pod); // nothing overtakes another here
    return true;
  }

  newest(max: number): AuditEntry[] {
    return this.#audit.slice(-max).reverse();
  }

  /** As a file remembers them, oldest first. */
  remember(audit: Iterable<AuditEntry>): void {
    this.#audit.push(...audit);
  }

  note(note: AuditNote, atMs: number): AuditEntry {
    const entry = { ...note, atMs };
    this.#audit.push(entry);
    if (this.#audit.length > AUDIT_MAX) this.#audit.shift();
    return entry;
  }

  #advance(nowMs: number): number {
    this.#version = Math.max(this.#version + 1, Math.floor(nowMs));
    return this.#version;
  }
}
