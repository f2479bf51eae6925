// Which of two writes of a scheduler's row holds, whichever call had its turn first.

import { invalid } from "./errors.js";

/** A row that is to be written, and when the scheduler gave it. */
interface Dated {
  readonly key: Uint8Array;
  readonly given: number;
}

/** Of how many rows it is remembered when they were given. */
const MOST_REMEMBERED = 10_000;

/**
 * When the scheduler gave what stands in its rows: of those that were written last. What it gave earlier is not written in their place,
 * as it knew nothing yet of what they say.
 */
export class Newest {
  readonly #given = new Map<string, number>();
  /** Nothing that was given later is forgotten. */
  #forgotten = 0;

  /**
   * What is to be written of this, one write of each row.
   *
   * @throws `invalid_argument` of what was given so long ago that nobody knows whether it still holds
   */
  of<Write extends Dated>(writes: readonly Write[]): Write[] {
    const newest = new Map<string, Write>();
    for (const write of writes) {
      const [name, given] = [write.key.join(), write.given];
      if ((newest.get(name)?.given ?? this.#standing(name, given)) <= given) newest.set(name, write);
    }
    return [...newest.values()];
  }

  /** These are stored. */
  stored(writes: readonly Dated[]): void {
    for (const { key, given } of writes) {
      const name = key.join();
      this.#given.delete(name);
      this.#given.set(name, given);
    }
    for (const [name, given] of this.#given) {
      if (this.#given.size <= MOST_REMEMBERED) return;
      this.#given.delete(name);
      this.#forgotten = Math.max(this.#forgotten, given);
    }
  }

  #standing(name: string, given: number): number {
    const known = this.#given.get(name);
    if (known === undefined && given <= this.#forgotten) throw invalid("the effects are older than too much that was stored since");
    return known ?? 0;
  }
}
