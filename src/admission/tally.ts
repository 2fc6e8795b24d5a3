/** How many there are of each name. Names of which there are none take no room. */
export class Tally<Name extends string> {
  readonly #counts = new Map<Name, number>();

  add(name: Name): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  remove(name: Name): void {
    const left = this.of(name) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }

  of(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  has(name: Name): boolean {
    return this.#counts.has(name);
  }
}
