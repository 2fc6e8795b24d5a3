/**
 * What people and scrapes ask for goes over a connection of its own: a reading that is slow to come keeps no upgrade
 * waiting, and does not take the store away from the gate. Whether the store is up is for the link of the admissions
 * alone to say; while that is down nothing is read.
 *
 * A reading is of the Redis that admits. One that was replaced may keep the connections that it has; they are left.
 */

import type { Answer, StoreAway } from '../../admission/lease-store.ts';
import type { RedisClient } from '../../redis/client.ts';
import type { RedisLink } from '../../redis/link.ts';
import type { Script } from '../../redis/script.ts';

export class Reads {
  readonly #admissions: RedisLink;
  readonly #link: RedisLink;

  constructor(admissions: RedisLink, link: RedisLink) {
    this.#admissions = admissions;
    this.#link = link;
  }

  /** To be called before each reading. Answers with why there can be none, if so. */
  async begin(): Promise<StoreAway | undefined> {
    if (this.#admissions.away) return this.#admissions.away;
    this.#leaveOther();
    await this.#link.comesUp();
    this.#leaveOther();
    const { away } = this.#link;
    if (!away) return undefined;
    this.#link.warn('the connection for reads is away', away.detail);
    return told(away);
  }

  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Answer<unknown>> {
    return told(await this.#link.run(script, keys, args));
  }

  async call<T>(operation: string, send: (redis: RedisClient) => Promise<T>): Promise<Answer<T>> {
    return told(await this.#link.call(operation, send));
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #leaveOther(): void {
    if (!this.#link.up || this.#link.isWith(this.#admissions)) return;
    this.#link.leave('it leads to another Redis than the one that admits');
  }
}

/** Says over which connection, where the answer is none. */
function told<T extends Answer<unknown>>(answer: T): T {
  return answer.ok ? answer : { ...answer, detail: `the connection for reads: ${answer.detail}` };
}
