/**
 * The fleet as the page knows it: the figures of `/ws/metrics`, the events of `/ws`, and the counts of those pods that
 * events told of, which are read at once, in small requests, hardly more than one a second.
 */

import type { z } from 'zod';
import { type Api, named } from '../src/client/api.ts';
import { type CloudEvent, connect, ReconnectingSocket, type SocketOptions, type Status } from '../src/client/index.ts';
import { isFromGate } from '../src/hub/events/domain-event.ts';
import type { Level, metricsMessage, Snapshot } from '../src/hub/protocol.ts';
import { EventLog } from './event-log.ts';
import { merge, type PodRead } from './merge.ts';
import { Paced } from './paced.ts';
import { type RatePoint, withPast, withRates } from './rates.ts';
import { Staleness } from './staleness.ts';

type MetricsMessage = z.output<typeof metricsMessage>;

/** Events of the past: as many as a page of them shows. */
const PAST_MAX = 200;
/** A change is to be on the page within a second. */
const READ_EVERY_MS = 700;
/** Of more pods that change at the same time, the next figures tell. */
const CHANGED_MAX = 500;
/** One read of them. */
const SHOWN_MAX = 100;
/** The page is drawn at most so often. */
const DRAW_EVERY_MS = 50;
const LOOK_EVERY_MS = 1000;
/** A person waits: sooner than a program would try again. */
const BACKOFF = { firstMs: 500, factor: 1.5, maxMs: 4000 };

/** What is drawn. A new object at each change. */
export interface View {
  /** Absent before the first ones have come. */
  readonly figures: Snapshot | undefined;
  /** Why what is shown may be old. */
  readonly stale: string | undefined;
  /** Only events of the gate that serves the page come. */
  readonly degraded: boolean;
  readonly events: EventLog['items'];
  readonly rates: readonly RatePoint[];
}

export const NOTHING_YET: View = { figures: undefined, stale: undefined, degraded: false, events: [], rates: [] };

export class Fleet {
  readonly #api: Api;
  readonly #draw: (view: View) => void;
  readonly #metrics: ReconnectingSocket<MetricsMessage>;
  #connection: ReturnType<typeof connect> | undefined;
  readonly #events = new EventLog();
  readonly #staleness = new Staleness();
  readonly #reading = new Paced(READ_EVERY_MS, () => this.#read());
  readonly #looking: ReturnType<typeof setInterval>;
  #snapshot: Snapshot | undefined;
  #rates: readonly RatePoint[] = [];
  #reads = new Map<string, PodRead>();
  #levels = new Map<string, Level>();
  #changed = new Set<string>();
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #degraded = false;
  /** Figures are about a second old when they come first, and what was told before that was not heard here. */
  #inDoubt = true;
  #closed = false;

  constructor(api: Api, draw: (view: View) => void) {
    this.#api = api;
    this.#draw = draw;
    const options = (name: 'figures' | 'events', path: string) => ({
      url: api.webSocket(path),
      ticket: () => api.ticket(),
      backoff: BACKOFF,
      onState: (status: Status) => {
        this.#staleness.connection(name, status);
        if (name === 'events' && status.state === 'open') this.#readShown();
        if (name === 'figures' && status.state === 'open') void this.#readRates();
        this.#redraw();
      },
    });
    this.#metrics = new ReconnectingSocket<MetricsMessage>(options('figures', 'ws/metrics'), {
      message: (message) => message.type === 'metrics' && this.#take(message),
      lost: () => {
        this.#inDoubt = true;
      },
    });
    void this.#follow(options('events', 'ws'));
    this.#looking = setInterval(() => this.#redraw(), LOOK_EVERY_MS);
  }

  close(): void {
    this.#closed = true;
    this.#metrics.close();
    this.#connection?.close();
    clearInterval(this.#looking);
    this.#reading.close();
    clearTimeout(this.#drawing);
  }

  #take({ type: _, ...snapshot }: Extract<MetricsMessage, { type: 'metrics' }>): void {
    this.#staleness.heard(snapshot);
    const isNew = snapshot.timestamp !== this.#snapshot?.timestamp;
    this.#snapshot = snapshot;
    if (!snapshot.stale) this.#rates = withRates(this.#rates, snapshot, Date.now());
    if (isNew) {
      const takenMs = Date.parse(snapshot.timestamp);
      for (const [pod, { timeMs }] of this.#reads) if (timeMs < takenMs) this.#reads.delete(pod);
      this.#levels.clear();
    }
    if (this.#inDoubt) this.#readShown();
    this.#redraw();
  }

  /** First what the gate knows of the past, then what happens. Without the past, what happens is worth seeing, too. */
  async #follow(options: SocketOptions): Promise<void> {
    const { events } = await this.#api.events(PAST_MAX).catch(() => ({ events: [] }));
    if (this.#closed) return;
    for (const event of events) this.#events.add({ kind: 'event', event });
    const newest = events.at(-1);
    this.#connection = connect({
      ...options,
      ...(newest ? { after: newest.id } : {}),
      onDegraded: (degraded) => {
        this.#degraded = degraded;
        this.#redraw();
      },
    });
    for await (const item of this.#connection.subscribe()) {
      this.#events.add(item);
      if (item.kind === 'event') this.#heed(item.event);
      else this.#readShown();
      this.#redraw();
    }
  }

  async #readRates(): Promise<void> {
    try {
      this.#rates = withPast(this.#rates, await this.#api.history([]), Date.now());
      this.#redraw();
    } catch {
      // The chart begins with what comes.
    }
  }

  /** Events may have been missed since the figures were made: those pods that matter most are read. */
  #readShown(): void {
    this.#inDoubt = this.#snapshot === undefined;
    for (const { pod } of this.#snapshot?.pods.slice(0, SHOWN_MAX) ?? []) this.#note(pod);
  }

  /** An event tells that something has changed; what is true now is read. */
  #heed(event: CloudEvent): void {
    const { type, data } = event;
    const pod = data.labels?.pod;
    if (!isFromGate(event) || pod === undefined) return;
    if (type.startsWith('pod.') && isLevel(data.state)) this.#levels.set(pod, data.state);
    this.#note(pod);
  }

  #note(pod: string): void {
    if (this.#changed.size < CHANGED_MAX) this.#changed.add(pod);
    this.#reading.ask();
  }

  async #read(): Promise<void> {
    const names = named(this.#changed);
    for (const name of names) this.#changed.delete(name);
    try {
      const { time, pods } = await this.#api.pods(names);
      const timeMs = Date.parse(time);
      for (const pod of pods) this.#reads.set(pod.pod, { ...pod, timeMs });
      this.#redraw();
    } catch {
      // The next figures tell, or say that the store is away.
    }
    if (this.#changed.size > 0) this.#reading.ask();
  }

  #redraw(): void {
    if (this.#closed) return;
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#draw({
        figures: this.#snapshot && merge(this.#snapshot, this.#reads, this.#levels),
        stale: this.#staleness.why(),
        degraded: this.#degraded,
        events: this.#events.items,
        rates: this.#rates,
      });
    }, DRAW_EVERY_MS);
  }
}

function isLevel(state: string | undefined): state is Level {
  return state === 'normal' || state === 'filling' || state === 'saturated';
}
