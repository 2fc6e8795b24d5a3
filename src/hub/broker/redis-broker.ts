/**
 * The broker of gates that share a Redis.
 *
 * An event goes into a stream of bounded length, which is the fleet's history, and is published on the channel of its
 * topic. A channel loses what is published while nobody listens. So a publication only rings a bell: gates then read
 * the stream, from where they were. They also read it once a second, in case they did not hear the bell. So a gate that
 * was cut off misses nothing that the stream still holds; and it knows that it missed something when the next entry
 * does not name the last one that it read as its predecessor.
 *
 * While Redis is away, events reach this gate's own clients only, and wait for the others.
 */

import type { RedisClient } from '../../redis/client.ts';
import type { RedisLink } from '../../redis/link.ts';
import { loadScript } from '../../redis/script.ts';
import { type CloudEvent, cloudEvent, topicOf } from '../events/cloud-event.ts';
import type { Broker, BrokerEvents } from './broker.ts';

export interface RedisBrokerOptions {
  readonly prefix: string;
  /** Events that the stream keeps. */
  readonly historyMax: number;
}

interface Outgoing {
  readonly event: CloudEvent;
  readonly json: string;
  /** Whether this gate's own clients have been told. */
  toldHere: boolean;
}

type StreamEntry = [id: string, fields: string[]];

const FIRST = '0-0';
const NOT_YET = 'not connected yet';
const PUBLISH_AT_ONCE = 100;
const READ_AT_ONCE = 500;
/** Maximum number of events that wait for Redis. Beyond it, the oldest are never told to other gates. */
const OUTGOING_MAX = 10_000;
const LOOK_MS = 1000;

export const publish = loadScript('publish', import.meta.url);

export class RedisBroker implements Broker {
  readonly #link: RedisLink;
  readonly #bell: RedisClient;
  readonly #stream: string;
  readonly #channels: string;
  readonly #historyMax: number;
  #events: BrokerEvents | undefined;
  #outgoing: Outgoing[] = [];
  #telling: Promise<boolean> | undefined;
  #reading: Promise<boolean> | undefined;
  /** The bell rang during a read. */
  #rang = false;
  #last = FIRST;
  /** Whether this gate has read what was there before it started. */
  #begun = false;
  #degraded: string | undefined = NOT_YET;
  #timer: NodeJS.Timeout | undefined;

  /** `bell`: a connection that only subscribes. */
  constructor(link: RedisLink, bell: RedisClient, { prefix, historyMax }: RedisBrokerOptions) {
    this.#link = link;
    this.#bell = bell;
    this.#stream = `${prefix}events`;
    this.#channels = `${prefix}events:`;
    this.#historyMax = historyMax;
    bell.on('ready', () => bell.psubscribe(`${this.#channels}*`).catch(() => {})); // reads go on
    bell.on('error', () => {}); // the link, to the same Redis, tells of it
    bell.on('pmessage', () => this.#events && void this.#read());
  }

  start(events: BrokerEvents): void {
    this.#events = events;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
  }

  /** The link to Redis went up or, with the reason, down. */
  linkChanged(up: boolean, detail: string): void {
    if (up) void this.#look();
    else this.#degrade(detail);
  }

  publish(events: readonly CloudEvent[]): void {
    for (const event of events) this.#outgoing.push({ event, json: JSON.stringify(event), toldHere: false });
    if (this.#degraded === undefined) void this.#tell();
    else if (this.#degraded !== NOT_YET) this.#tellHere(); // else they come after the history
    this.#outgoing.splice(0, this.#outgoing.length - OUTGOING_MAX);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tell();
    await this.#read(); // so that clients get this gate's last events
    this.#events = undefined;
    await this.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#bell.disconnect();
    await this.#link.close();
  }

  /** Tells the others what waits and reads what they told; after that, nothing is missing any more. */
  async #look(): Promise<void> {
    // Before it starts, and when it has stopped, nobody takes what is read.
    if (!this.#link.up || !this.#events) return;
    // What was there before this gate is history, and comes before what this gate tells first.
    const hasBegun = this.#begun || (await this.#readWhatIsThere());
    const well = hasBegun && (await this.#tell()) && (await this.#readWhatIsThere());
    if (!well || this.#degraded === undefined) return;
    this.#degraded = undefined;
    this.#events?.degraded(undefined);
  }

  #degrade(why: string): void {
    const isNew = this.#degraded === undefined || this.#degraded === NOT_YET;
    this.#degraded = why;
    this.#tellHere();
    if (isNew) this.#events?.degraded(why);
  }

  #tellHere(): void {
    for (const outgoing of this.#outgoing) {
      if (!outgoing.toldHere) this.#events?.event(outgoing.event, outgoing.json, true);
      outgoing.toldHere = true;
    }
  }

  /** Resolves to whether the others have been told all. */
  #tell(): Promise<boolean> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
      if (this.#degraded === undefined && this.#outgoing.length > 0) void this.#tell();
    });
    return this.#telling;
  }

  async #tellAll(): Promise<boolean> {
    while (this.#outgoing.length > 0) {
      const some = this.#outgoing.splice(0, PUBLISH_AT_ONCE);
      const texts = some.flatMap(({ event, json }) => [topicOf(event), json]);
      const answer = await this.#link.run(publish, [this.#stream], [this.#historyMax, this.#channels, ...texts]);
      if (answer.ok) continue;
      this.#outgoing.unshift(...some); // if they were told after all: receivers recognise the ids
      this.#degrade(answer.detail);
      return false;
    }
    return true;
  }

  /** Resolves to whether all that is in the stream has been read. */
  #read(): Promise<boolean> {
    this.#rang = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
      if (this.#rang) void this.#read();
    });
    return this.#reading;
  }

  async #readAll(): Promise<boolean> {
    while (this.#rang) {
      this.#rang = false;
      const answer = await this.#link.call('events', (redis) =>
        redis.xrange(this.#stream, `(${this.#last}`, '+', 'COUNT', READ_AT_ONCE),
      );
      if (!answer.ok) return false;
      for (const entry of answer.value) this.#take(entry);
      if (answer.value.length === READ_AT_ONCE) this.#rang = true; // there may be more
    }
    this.#begun = true;
    return true;
  }

  #take([id, [, before, , json = '']]: StreamEntry): void {
    if (this.#begun && before !== this.#last) this.#events?.missed();
    this.#last = id;
    const event = readEvent(json);
    if (event) this.#events?.event(event, json, this.#begun);
  }

  /** Also notices a Redis that has lost its stream, or the newest part of it. */
  async #readWhatIsThere(): Promise<boolean> {
    const last = this.#last;
    const answer = await this.#link.call('events', (redis) => redis.xrevrange(this.#stream, '+', '-', 'COUNT', 1));
    if (!answer.ok) {
      this.#degrade(answer.detail);
      return false;
    }
    const [[newest] = [FIRST]] = answer.value;
    if (isBefore(newest, last)) {
      this.#last = FIRST;
      this.#events?.missed();
    }
    return this.#read();
  }
}

/** Undefined for an entry that no gate wrote. */
function readEvent(json: string): CloudEvent | undefined {
  try {
    return cloudEvent.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

/** Of ids of a stream: `<ms>-<number>`. */
function isBefore(a: string, b: string): boolean {
  const [aMs, aNumber] = a.split('-').map(Number);
  const [bMs, bNumber] = b.split('-').map(Number);
  return Number(aMs) < Number(bMs) || (aMs === bMs && Number(aNumber) < Number(bNumber));
}
