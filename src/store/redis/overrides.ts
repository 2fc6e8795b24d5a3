/** The overrides in Redis: the list of all of them, and what the acquires of each pod look at (`override.lua`, `enforce.lua`). */

import { type PodId, parsePodId } from '../../admission/ids.ts';
import type { Answer } from '../../admission/lease-store.ts';
import {
  AUDIT_MAX,
  type AuditEntry,
  type AuditNote,
  type Decision,
  type Enforced,
  OVERRIDE_KINDS,
  OVERRIDES_MAX,
  type Overridden,
  type Override,
  type OverrideChange,
  type OverrideOutcome,
  type OverridesNow,
  TAKEN_BACK_MS,
} from '../../admission/override.ts';
import type { RedisLink } from '../../redis/link.ts';
import type { Keys } from './keys.ts';
import { map, pairs } from './replies.ts';
import { scripts } from './scripts.ts';

/** The overrides that one call ends, at most. */
const ENDED_PER_CALL = 100;
/** For so long it is remembered that a pod has none, and since which version. */
const NOT_ENFORCED_MS = 60_000;
const VALUE = /^(\d+) (\d+) (\d+) (.*)$/s;

export class RedisOverrides {
  readonly #link: RedisLink;
  readonly #keys: Keys;

  constructor(link: RedisLink, keys: Keys) {
    this.#link = link;
    this.#keys = keys;
  }

  get #all(): string[] {
    return [this.#keys.ofGates('overrides'), this.#keys.ofGates('ends'), this.#keys.ofGates('audit')];
  }

  async override({ kind, pod, decision, forMs, replaces, note }: OverrideChange): Promise<Answer<Overridden>> {
    const fields = [kind, ...OVERRIDE_KINDS.filter((other) => other !== kind)].map((each) => `${each} ${pod}`);
    const json = decision ? JSON.stringify(decision) : '';
    const lastsMs = decision ? (forMs ?? '') : TAKEN_BACK_MS;
    const entry = note ? JSON.stringify(note) : '';
    const args = [...fields, json, lastsMs, OVERRIDES_MAX, entry, AUDIT_MAX, replaces ?? ''];
    return map(await this.#link.run(scripts.override, this.#all, args), (reply) => {
      const [outcome, timeMs, version, ...values] = reply as [OverrideOutcome, number, number, ...(string | null)[]];
      const ofPod = fields.flatMap((field, i) => overrideOf(field, values[i]) ?? []);
      return { outcome, timeMs, version, ofPod };
    });
  }

  async overrides(known: number): Promise<Answer<OverridesNow>> {
    const args = [known, ENDED_PER_CALL, AUDIT_MAX];
    return map(await this.#link.run(scripts.overrides, this.#all, args), (reply) => {
      const [timeMs, version, ended, flat] = reply as [number, number, PodId[], string[]];
      const expired = ended.map((pod): AuditEntry => ({ action: 'limit.expired', by: 'wsgate', pod, atMs: timeMs }));
      if (version === known) return { timeMs, version, expired };
      const all = pairs(flat).flatMap(([field, value]) => overrideOf(field, value) ?? []);
      return { timeMs, version, all, expired };
    });
  }

  async putBack(overrides: readonly Override[]): Promise<Answer<void>> {
    const args = overrides.flatMap(({ kind, pod, version, atMs, untilMs = 0, decision }) => [
      `${kind} ${pod}`,
      `${version} ${atMs} ${untilMs} ${decision ? JSON.stringify(decision) : ''}`,
    ]);
    return map(await this.#link.run(scripts.putBack, this.#all.slice(0, 2), args), () => undefined);
  }

  async enforce(pod: PodId, version: number, enforced: Enforced | undefined): Promise<Answer<void>> {
    const args = [version, enforced?.connections ?? '', enforced?.untilMs ?? '', NOT_ENFORCED_MS];
    return map(await this.#link.run(scripts.enforce, this.#keys.pod(pod), args), () => undefined);
  }

  async note(note: AuditNote): Promise<Answer<AuditEntry>> {
    const args = [JSON.stringify(note), AUDIT_MAX];
    const answer = await this.#link.run(scripts.note, [this.#keys.ofGates('audit')], args);
    return map(answer, (atMs) => ({ ...note, atMs: atMs as number }));
  }

  async audit(max: number): Promise<Answer<readonly AuditEntry[]>> {
    const answer = await this.#link.run(scripts.audit, [this.#keys.ofGates('audit')], [max]);
    return map(answer, (reply) => pairs(reply as string[]).flatMap(([member, at]) => entryOf(member, Number(at))));
  }
}

/** What is read was written by a gate, perhaps by one of another version. */
function overrideOf(field: string, value: string | null | undefined): Override | undefined {
  const [, kindText, podText = ''] = /^(\w+) (.*)$/s.exec(field) ?? [];
  const kind = OVERRIDE_KINDS.find((each) => each === kindText);
  const pod = parsePodId(podText);
  const [, version, atMs, untilMs, json] = VALUE.exec(value ?? '') ?? [];
  if (!kind || !pod || json === undefined) return undefined;
  return {
    kind,
    pod,
    version: Number(version),
    atMs: Number(atMs),
    ...(untilMs === '0' ? {} : { untilMs: Number(untilMs) }),
    ...(json === '' ? {} : { decision: JSON.parse(json) as Decision }),
  };
}

function entryOf(member: string, atMs: number): AuditEntry[] {
  const json = member.slice(member.indexOf(' ') + 1);
  return [{ ...(JSON.parse(json) as AuditNote), atMs }];
}
