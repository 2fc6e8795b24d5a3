/** A maximum number of something: in all, to bound memory, and from one address, so that others get some, too. */

export interface QuotaOptions {
  readonly max: number;
  readonly perAddressMax: number;
}

/** An IPv4 address as a socket for both IPv4 and IPv6 tells it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;

export class Quota {
  readonly #name: string;
  readonly #options: QuotaOptions;
  readonly #perNetwork = new Map<string, number>();
  #taken = 0;

  /** `name`: of its keys in the configuration, without their endings: `listen.connections`. */
  constructor(name: string, options: QuotaOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** Returns the key of the bound that forbids it, and then takes nothing. A unix socket has no address. */
  take(address: string | undefined, amount = 1): string | undefined {
    const { max, perAddressMax } = this.#options;
    const network = networkOf(address ?? '');
    const taken = (this.#perNetwork.get(network) ?? 0) + amount;
    if (this.#taken + amount > max) return `${this.#name}Max`;
    if (address !== undefined && taken > perAddressMax) return `${this.#name}PerAddressMax`;
    this.#taken += amount;
    this.#perNetwork.set(network, taken);
    return undefined;
  }

  give(address: string | undefined, amount = 1): void {
    const network = networkOf(address ?? '');
    const left = (this.#perNetwork.get(network) ?? 0) - amount;
    this.#taken -= amount;
    if (left > 0) this.#perNetwork.set(network, left);
    else this.#perNetwork.delete(network);
  }
}

/** What counts as one address: an IPv4 address, or 64 bits of an IPv6 one, because each network has 2^64 of them. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [, v4] = MAPPED.exec(address) ?? [];
  if (v4 !== undefined) return v4;
  const [before, after] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = after ? GROUPS - (before?.length ?? 0) - after.length : 0;
  const groups = [...(before ?? []), ...Array<string>(Math.max(0, zeros)).fill('0'), ...(after ?? [])];
  return `${groups.slice(0, GROUPS / 2).join(':')}::/64`;
}
