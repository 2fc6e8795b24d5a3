/** Room for so many of something: in all, so that memory has an end, and from one address, so that others get some. */

export interface RoomOptions {
  readonly max: number;
  readonly perAddressMax: number;
}

export class Room {
  readonly #name: string;
  readonly #options: RoomOptions;
  readonly #perAddress = new Map<string, number>();
  #taken = 0;

  /** `name`: of its keys in the configuration, without their endings: `listen.connections`. */
  constructor(name: string, options: RoomOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** Returns the key of the bound that stands against it, and takes nothing then. A unix socket has no address. */
  take(address: string | undefined, amount = 1): string | undefined {
    const { max, perAddressMax } = this.#options;
    const taken = (this.#perAddress.get(address ?? '') ?? 0) + amount;
    if (this.#taken + amount > max) return `${this.#name}Max`;
    if (address !== undefined && taken > perAddressMax) return `${this.#name}PerAddressMax`;
    this.#taken += amount;
    this.#perAddress.set(address ?? '', taken);
    return undefined;
  }

  give(address: string | undefined, amount = 1): void {
    const left = (this.#perAddress.get(address ?? '') ?? 0) - amount;
    this.#taken -= amount;
    if (left > 0) this.#perAddress.set(address ?? '', left);
    else this.#perAddress.delete(address ?? '');
  }
}
