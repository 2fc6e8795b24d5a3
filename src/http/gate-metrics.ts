/** `/metrics` tells of this process. Each label has a closed set of values. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Domain } from '../admission/domain.ts';
import type { Events } from '../admission/events.ts';
import type { ServiceId } from '../admission/ids.ts';
import type { StoreAway } from '../admission/lease-store.ts';
import type { Verdict } from '../admission/verdict.ts';
import { version } from '../version.ts';

/** From a quarter of a millisecond, what a decision takes, to the second at which Envoy has long given up. */
const SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** How often the delay of the event loop is sampled. */
const LOOP_SAMPLE_MS = 10;

/** Those of the library's default metrics that follow Prometheus's naming and are of use here. */
const DEFAULTS = new Set([
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'process_start_time_seconds',
]);

/** `alone`: without the store, in this gate's share. `full`: no pod had room. */
function outcomeOf(verdict: Verdict): 'placed' | 'alone' | 'full' | 'refused' {
  if (verdict.admitted) return verdict.counted ? 'placed' : 'alone';
  return verdict.reason === 'LIMIT_EXCEEDED' ? 'full' : 'refused';
}

export class GateMetrics {
  readonly registry = new Registry();
  readonly #storeCalls = this.#histogram('wsgate_store_duration_seconds', 'Time of one call of the store.', [
    'operation',
    'answer',
  ]);
  readonly #entries = this.#counter('wsgate_access_log_entries_total', 'Access log entries by what they meant.', [
    'kind',
  ]);
  readonly #eventLoop = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  #rendering: Promise<string> | undefined;
  #configRight = true;

  constructor(events: Events) {
    const decisions = this.#counter('wsgate_decisions_total', 'Upgrades decided.', ['outcome', 'reason']);
    const decisionTime = this.#histogram('wsgate_decision_duration_seconds', 'Time of one decision.', ['outcome']);
    const releases = this.#counter('wsgate_releases_total', 'Leases taken out of the store.', ['cause']);
    const adopted = this.#counter(
      'wsgate_leases_adopted_total',
      'Leases that a renewal had to put into the store: never asked for, or lost by it.',
    );
    const adoptedOverLimit = this.#counter(
      'wsgate_leases_adopted_over_limit_total',
      'Those of the adopted leases that found their pod full: connections that are open beyond its limit.',
    );
    const dropped = this.#counter(
      'wsgate_releases_dropped_total',
      'Releases given up because too many waited for the store; their slots are free when they expire.',
    );
    const bounds = this.#counter(
      'wsgate_bound_reached_total',
      'What was turned away or given up at a bound of the configuration, by its key.',
      ['key'],
    );
    events.on('boundReached', (key) => bounds.inc({ key }));
    const broken = this.#counter(
      'wsgate_invariants_broken_total',
      'Answers and records that cannot be: a bug, or somebody else writes to the store.',
      ['invariant'],
    );
    events.on('invariantBroken', (invariant) => broken.inc({ invariant }));
    events.on('decided', (verdict, durationMs) => {
      const outcome = verdict.admitted ? 'admitted' : 'denied';
      const reason = verdict.admitted ? (verdict.counted ? 'WITHIN_LIMIT' : 'STORE_UNAVAILABLE') : verdict.reason;
      decisions.inc({ outcome, reason });
      decisionTime.observe({ outcome }, durationMs / 1000);
    });
    const placements = this.#counter('wsgate_placements_total', 'Upgrades whose pod the gate was to choose.', [
      'service',
      'outcome',
    ]);
    events.on('placed', (service, verdict) => {
      placements.inc({ service: service.slice(0, -1), outcome: outcomeOf(verdict) });
    });
    events.on('released', (_pod, cause, count) => releases.inc({ cause }, count));
    events.on('adopted', (_pod, count, overLimit) => {
      adopted.inc(count);
      adoptedOverLimit.inc(overLimit);
    });
    events.on('releaseDropped', () => dropped.inc());
    const contradicted = this.#counter(
      'wsgate_silence_contradicted_total',
      'Leases that were freed because of a silence, and were spoken of again. It must stay 0.',
    );
    events.on('contradicted', (_proxy, count) => contradicted.inc(count));
    const stepped = this.#counter('wsgate_store_clock_steps_total', "How often the store's clock was set.");
    events.on('clockStepped', () => stepped.inc());
    const unread = new Set<ServiceId>();
    events.on(
      'endpointsUnread',
      (service, why) => void (why === undefined ? unread.delete(service) : unread.add(service)),
    );
    this.#gauge(
      'wsgate_services_unread',
      'Services whose endpoints cannot be read: their pods stay those that are known.',
      () => unread.size,
    );
    this.#processMetrics();
  }

  /** When it was read again. What it is started with is right, or it is not started. */
  configRead(right: boolean): void {
    this.#configRight = right;
  }

  storeCalled(operation: string, durationMs: number, answer: 'ok' | StoreAway['why']): void {
    this.#storeCalls.observe({ operation, answer }, durationMs / 1000);
  }

  entryRead(kind: string): void {
    this.#entries.inc({ kind });
  }

  /** Gauges are read when scraped. */
  watch(parts: Pick<Domain, 'store' | 'standing' | 'evidence' | 'ledger' | 'reaper' | 'gate' | 'enrolment'>): void {
    const { store, standing, evidence, ledger, reaper, gate, enrolment } = parts;
    this.#gauge('wsgate_proxies_without_log', 'Proxies that send Checks but no access log.', () => {
      return [...reaper.unlogged].length;
    });
    this.#gauge(
      'wsgate_proxies_unrenewed',
      'Proxies whose access log does not speak of all connections that live: their slots are not freed by silence.',
      () => evidence.unrenewed.size,
    );
    this.#gauge(
      'wsgate_config_last_reload_successful',
      'Whether the configuration was right when it was last read.',
      () => (this.#configRight ? 1 : 0),
    );
    this.#gauge('wsgate_store_up', 'Whether the store answers.', () => (store.up ? 1 : 0));
    this.#gauge('wsgate_store_recovering', 'Whether the store answers, but its counts are not trusted yet.', () =>
      store.up && !standing.synced ? 1 : 0,
    );
    this.#gauge(
      'wsgate_services_differing',
      'Services of which this gate has other pods or limits than the list that counts, which is of another gate.',
      () => [...enrolment.differing].length,
    );
    this.#gauge('wsgate_waiting_upgrades', 'Upgrades that wait for a slot of their service.', () => gate.waiting.size);
    this.#gauge('wsgate_ledger_leases', 'Connections that the proxies of this gate hold.', () => ledger.entries.size);
    this.#gauge('wsgate_log_streams', 'Access log streams that are open to this gate.', () => ledger.streams.size);
    new Gauge({
      name: 'wsgate_proxy_leases',
      help:
        'Connections in the ledger of this gate, by how their leases are kept: by an open stream, log entries, nothing. ' +
        'Those of a broken stream of which nobody speaks for lease.ttl, each gate counts as unrenewed, fleet-wide.',
      labelNames: ['proxy_id', 'kept'],
      registers: [this.registry],
      collect() {
        this.reset();
        const own = ledger.entries.kept();
        for (const [proxy, counts] of own) {
          for (const [kept, count] of Object.entries(counts)) this.set({ proxy_id: proxy, kept }, count);
        }
        for (const [proxy, count] of reaper.unheld) {
          const known = own.get(proxy)?.unrenewed ?? 0;
          this.set({ proxy_id: proxy, kept: 'unrenewed' }, Math.max(known, count));
        }
      },
    });
    this.#gauge('wsgate_held_streams', 'Streams of the hold door that this gate holds.', () => ledger.holds.size);
    this.#gauge('wsgate_releases_waiting', 'Releases that the store has still to be told.', () => ledger.releases.size);
  }

  /** Rendered once for all requests at the same time: many requests do not keep the process busy. */
  render(): Promise<string> {
    this.#rendering ??= this.registry.metrics().finally(() => {
      this.#rendering = undefined;
    });
    return this.#rendering;
  }

  close(): void {
    this.#eventLoop.disable();
    this.registry.clear();
  }

  #processMetrics(): void {
    new Gauge({
      name: 'wsgate_build_info',
      help: 'Always 1. The version of this gate, and of its Node.',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    }).set({ version: version(), node: process.versions.node }, 1);
    collectDefaultMetrics({ register: this.registry });
    for (const { name } of this.registry.getMetricsAsArray()) {
      if (!name.startsWith('wsgate_') && !DEFAULTS.has(name)) this.registry.removeSingleMetric(name);
    }
    // The library's own is filled by another metric, which is not among these.
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      registers: [this.registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    this.#eventLoop.enable();
    this.#gauge('wsgate_event_loop_lag_seconds', 'The longest stall of the event loop since the last scrape.', () => {
      const lagMs = this.#eventLoop.max / 1e6 - LOOP_SAMPLE_MS; // it measures from sample to sample
      this.#eventLoop.reset();
      return Math.max(lagMs, 0) / 1000;
    });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter<string> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram<string> {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.registry] });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
