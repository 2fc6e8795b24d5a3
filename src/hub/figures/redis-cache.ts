/** The cache of gates that share a Redis: keys that expire by themselves. */

import type { Answer } from '../../admission/lease-store.ts';
import type { RedisLink } from '../../redis/link.ts';
import type { FleetCache } from './fleet-cache.ts';

export class RedisCache implements FleetCache {
  readonly #link: RedisLink;
  readonly #prefix: string;

  constructor(link: RedisLink, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  async get(key: string): Promise<Answer<string | undefined>> {
    const answer = await this.#link.call('get', (redis) => redis.get(this.#prefix + key));
    return answer.ok ? { ok: true, value: answer.value ?? undefined } : answer;
  }

  async put(key: string, value: string, ttlMs?: number): Promise<Answer<void>> {
    const name = this.#prefix + key;
    const answer = await this.#link.call('set', (redis) =>
      ttlMs === undefined ? redis.set(name, value) : redis.set(name, value, 'PX', ttlMs),
    );
    return answer.ok ? { ok: true, value: undefined } : answer;
  }

  async claim(key: string, ttlMs: number): Promise<Answer<boolean>> {
    const answer = await this.#link.call('claim', (redis) => redis.set(this.#prefix + key, '1', 'PX', ttlMs, 'NX'));
    return answer.ok ? { ok: true, value: answer.value === 'OK' } : answer;
  }
}
