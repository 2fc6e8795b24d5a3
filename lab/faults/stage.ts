/** A fleet, a crowd of clients that come and go, and a witness who compares its connections with the counted ones. */

import type { Envoy } from '../fleet/envoy.ts';
import { machineNow } from '../fleet/machine-time.ts';
import type { Pod } from '../fleet/pod.ts';
import { until } from '../fleet/processes.ts';
import { type Connection, Crowd } from './crowd.ts';
import { BreakableFleet } from './fleet.ts';
import type { FleetSettings } from './fleet-options.ts';
import { Resetter } from './resetter.ts';
import { SIZE } from './scale.ts';
import { Witness } from './witness.ts';

/** This part of a pod's limit is never closed: some connections have to live through the fault. */
const LEFT_ALONE = 0.5;

export class Stage {
  readonly fleet: BreakableFleet;
  readonly crowd: Crowd;
  readonly witness: Witness;
  readonly resetter = new Resetter();

  private constructor(fleet: BreakableFleet) {
    this.fleet = fleet;
    const opened = (connection: Connection) => this.witness.admitted(connection, fleet.limit);
    this.crowd = new Crowd(fleet.pods, { opened }, fleet.isPlaced);
    const pods = fleet.pods.map(({ name }) => name);
    this.witness = new Witness(this.crowd, pods, (pod) => this.#leasesOf(pod), fleet.unheld);
  }

  /** Starts a fleet, and more clients than it has slots. */
  static async start(settings: FleetSettings): Promise<Stage> {
    const stage = new Stage(await BreakableFleet.startFor(settings));
    stage.rush(Math.ceil(stage.fleet.limit / SIZE.proxies) + 2);
    await stage.crowd.answered();
    stage.witness.start();
    return stage;
  }

  /** Pod and proxy are numbers from 0. */
  open(pod: number, proxy: number): void {
    this.#open(this.fleet.podAt(pod), this.fleet.envoyAt(proxy));
  }

  /** `which`: from 0, the oldest of the pod's connections, to below 1. */
  close(pod: number, which: number, how: 'close' | 'reset'): void {
    const there = [...this.crowd.live(this.fleet.podAt(pod).name)];
    const chosen = there[Math.floor(which * there.length)];
    if (chosen && there.length > this.fleet.limit * LEFT_ALONE) this.crowd.leave(chosen, how);
  }

  /** So many opens to each pod through each Envoy, as fast as they can be sent. */
  rush(each: number): void {
    for (let round = 0; round < each; round++) {
      for (const pod of this.fleet.pods) for (const envoy of this.fleet.envoys) this.#open(pod, envoy);
    }
  }

  /** `proxy` is a number from 0. */
  async endEnvoy(proxy: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { fleet, crowd } = this;
    const envoy = fleet.envoyAt(proxy);
    fleet.doomed.add(envoy);
    const begunMs = machineNow();
    await fleet.end(envoy, signal);
    // The Envoy had not counted these when it was asked.
    const since = [...crowd.connections].filter((each) => each.proxy === envoy && each.askedAtMs >= begunMs).length;
    if (fleet.door === 'hold' && signal === 'SIGKILL') fleet.unheld.note(since, machineNow());
  }

  /** `gate` is a number from 0. */
  async stopGate(gate: number): Promise<void> {
    const begunMs = machineNow();
    await this.fleet.end(this.fleet.gateAt(gate), 'SIGTERM');
    // What it lets in while it stops, it lets go, too; no Envoy had counted it before.
    const since = [...this.crowd.connections].filter((each) => each.askedAtMs >= begunMs && each.openedAtMs > 0).length;
    if (this.fleet.door === 'hold') this.fleet.unheld.note(since, machineNow());
  }

  /** Until every pod is full. */
  async fill(): Promise<void> {
    const isFull = async () => {
      const lacking = this.fleet.pods.map(({ name }) => this.fleet.limit - this.crowd.live(name).size);
      if (lacking.every((count) => count <= 0)) return true;
      this.rush(Math.ceil(Math.max(...lacking) / SIZE.proxies));
      await this.crowd.answered();
      return false;
    };
    await until('every pod is full', isFull, 10_000);
  }

  /** Everyone leaves at once. Resolves with the number of slots that are still taken when all had time to be freed. */
  async empty(withinMs: number): Promise<number> {
    this.crowd.leaveAll('close');
    await until('all slots are free', async () => (await this.#leases()) === 0, withinMs).catch(() => {});
    let left = Number.POSITIVE_INFINITY;
    const answers = async () => {
      left = await this.#leases();
      return Number.isFinite(left);
    };
    await until('the store answers', answers, 2_000).catch(() => {});
    return left;
  }

  /** How the Envoys' own gauges differ from the crowd; undefined if they agree. */
  async disagreement(): Promise<string | undefined> {
    const { fleet, crowd } = this;
    let gauges: Record<string, number> = {};
    const agree = async () => {
      gauges = await fleet.gauges();
      return fleet.pods.every(({ name }) => gauges[name] === crowd.live(name).size);
    };
    try {
      await until('the Envoys agree', agree, 1_000);
      return undefined;
    } catch {
      const figures = fleet.pods.map(({ name }) => `${name} ${gauges[name]} and ${crowd.live(name).size}`);
      return `the Envoys' gauges and the crowd disagree: ${figures.join(', ')}`;
    }
  }

  /** How many connections broke although no fault ended their Envoy. */
  get cut(): number {
    return [...this.crowd.connections].filter((each) => each.cut && !this.fleet.doomed.has(each.proxy)).length;
  }

  async stop(): Promise<void> {
    await this.witness.stop();
    this.resetter.end();
    this.crowd.stop();
    await this.fleet.stop();
  }

  /** The number of all pods' leases; infinite if the store does not answer. */
  async #leases(): Promise<number> {
    const counts = await Promise.all(this.fleet.pods.map(({ name }) => this.#leasesOf(name)));
    return counts.reduce((sum, leases) => sum + (leases?.length ?? Number.POSITIVE_INFINITY), 0);
  }

  /** Without the leases of ended connections that no door tells of: nobody could free them. */
  async #leasesOf(pod: string): Promise<string[] | undefined> {
    const leases = await this.fleet.leasesOf(pod);
    return leases?.filter((lease) => {
      const holder = this.crowd.holder(lease);
      return holder === undefined || holder.state === 'open' || this.fleet.isTold(holder.number);
    });
  }

  #open(pod: Pod, envoy: Envoy): void {
    this.crowd.open(pod, envoy, this.fleet.limit);
  }
}
