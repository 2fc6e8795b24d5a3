/** One gate's way to a store that gates share, which can be cut: the store goes on, and this gate does not hear of it. */

import type { Answer, LeaseStore, StoreAway } from '../../src/admission/lease-store.ts';

const DISCONNECTED: StoreAway = { ok: false, why: 'disconnected', detail: 'cut', maybeDone: false };
const UNANSWERED: StoreAway = { ok: false, why: 'timeout', detail: 'cut', maybeDone: true };

export class CutStore implements LeaseStore {
  readonly #shared: () => LeaseStore;
  readonly #changed: (up: boolean) => void;
  #state: 'up' | 'breaking' | 'cut' = 'up';
  /** How often it has been cut: an answer from before is none. */
  #cuts = 0;

  constructor(shared: () => LeaseStore, changed: (up: boolean) => void) {
    this.#shared = shared;
    this.#changed = changed;
  }

  get up(): boolean {
    return this.#state !== 'cut';
  }

  /** At once; or unnoticed, with the next call, which is still carried out but gets no answer. */
  cut(when: 'now' | 'in the next call'): void {
    if (this.#state === 'cut') return;
    if (when === 'now') this.#down();
    else this.#state = 'breaking';
  }

  mend(): void {
    const wasUp = this.up;
    this.#state = 'up';
    if (!wasUp) this.#changed(true);
  }

  #down(): void {
    this.#state = 'cut';
    this.#cuts += 1;
    this.#changed(false);
  }

  async #ask<T>(call: (store: LeaseStore) => Promise<Answer<T>>): Promise<Answer<T>> {
    if (this.#state === 'cut') return DISCONNECTED;
    const cuts = this.#cuts;
    const answer = await call(this.#shared());
    if (this.#state === 'up' && cuts === this.#cuts) return answer;
    if (this.#state === 'breaking') this.#down();
    return UNANSWERED;
  }

  acquire = (...args: Parameters<LeaseStore['acquire']>) => this.#ask((store) => store.acquire(...args));
  place = (...args: Parameters<LeaseStore['place']>) => this.#ask((store) => store.place(...args));
  enrol = (...args: Parameters<LeaseStore['enrol']>) => this.#ask((store) => store.enrol(...args));
  avoided = (...args: Parameters<LeaseStore['avoided']>) => this.#ask((store) => store.avoided(...args));
  enrolled = (...args: Parameters<LeaseStore['enrolled']>) => this.#ask((store) => store.enrolled(...args));
  listed = (...args: Parameters<LeaseStore['listed']>) => this.#ask((store) => store.listed(...args));
  avoid = (...args: Parameters<LeaseStore['avoid']>) => this.#ask((store) => store.avoid(...args));
  renew = (...args: Parameters<LeaseStore['renew']>) => this.#ask((store) => store.renew(...args));
  release = (...args: Parameters<LeaseStore['release']>) => this.#ask((store) => store.release(...args));
  withdraw = (...args: Parameters<LeaseStore['withdraw']>) => this.#ask((store) => store.withdraw(...args));
  expire = (...args: Parameters<LeaseStore['expire']>) => this.#ask((store) => store.expire(...args));
  pods = () => this.#ask((store) => store.pods());
  proxies = () => this.#ask((store) => store.proxies());
  gates = () => this.#ask((store) => store.gates());
  fleet = (...args: Parameters<LeaseStore['fleet']>) => this.#ask((store) => store.fleet(...args));
  leases = (...args: Parameters<LeaseStore['leases']>) => this.#ask((store) => store.leases(...args));
  heartbeat = (...args: Parameters<LeaseStore['heartbeat']>) => this.#ask((store) => store.heartbeat(...args));
  register = (...args: Parameters<LeaseStore['register']>) => this.#ask((store) => store.register(...args));
  remove = (...args: Parameters<LeaseStore['remove']>) => this.#ask((store) => store.remove(...args));
  leave = (...args: Parameters<LeaseStore['leave']>) => this.#ask((store) => store.leave(...args));
  lapsed = (...args: Parameters<LeaseStore['lapsed']>) => this.#ask((store) => store.lapsed(...args));
  expiries = (...args: Parameters<LeaseStore['expiries']>) => this.#ask((store) => store.expiries(...args));
  tell = (...args: Parameters<LeaseStore['tell']>) => this.#ask((store) => store.tell(...args));
  promised = (...args: Parameters<LeaseStore['promised']>) => this.#ask((store) => store.promised(...args));
  hears = (...args: Parameters<LeaseStore['hears']>) => this.#ask((store) => store.hears(...args));
  heardBy = (...args: Parameters<LeaseStore['heardBy']>) => this.#ask((store) => store.heardBy(...args));
  mayBeHeld = (...args: Parameters<LeaseStore['mayBeHeld']>) => this.#ask((store) => store.mayBeHeld(...args));
  askToClose = (...args: Parameters<LeaseStore['askToClose']>) => this.#ask((store) => store.askToClose(...args));
  toClose = (...args: Parameters<LeaseStore['toClose']>) => this.#ask((store) => store.toClose(...args));
  keepOpen = (...args: Parameters<LeaseStore['keepOpen']>) => this.#ask((store) => store.keepOpen(...args));
  override = (...args: Parameters<LeaseStore['override']>) => this.#ask((store) => store.override(...args));
  overrides = (...args: Parameters<LeaseStore['overrides']>) => this.#ask((store) => store.overrides(...args));
  putBack = (...args: Parameters<LeaseStore['putBack']>) => this.#ask((store) => store.putBack(...args));
  enforce = (...args: Parameters<LeaseStore['enforce']>) => this.#ask((store) => store.enforce(...args));
  note = (...args: Parameters<LeaseStore['note']>) => this.#ask((store) => store.note(...args));
  audit = (...args: Parameters<LeaseStore['audit']>) => this.#ask((store) => store.audit(...args));
  async close(): Promise<void> {}
}
