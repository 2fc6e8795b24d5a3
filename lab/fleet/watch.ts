/** Watches a count, or tries to get in, while something else goes on. */

import type { Fleet } from './fleet.ts';
import { machineNow } from './machine-time.ts';
import { until } from './processes.ts';

const LOOK_EVERY_MS = 30;
const TRY_EVERY_MS = 20;

export interface Extremes {
  readonly least: number;
  readonly most: number;
}

export interface Watch {
  /** Ends it. Resolves with the least and the most that was seen. */
  stop(): Promise<Extremes>;
}

/** Reads a count again and again. */
export function watch(count: () => Promise<number>): Watch {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  const watching = again(LOOK_EVERY_MS, async () => {
    const seen = await count();
    least = Math.min(least, seen);
    most = Math.max(most, seen);
  });
  return {
    async stop() {
      await watching.stop();
      return { least, most };
    },
  };
}

export interface Rush {
  /** How many got in and stay. */
  readonly opened: number;
  /** Ends it. Resolves with how many were refused, by status. */
  stop(): Promise<Record<string, number>>;
}

/** Opens WebSockets again and again; those that are admitted stay. */
export function rush(fleet: Fleet, path: string, proxies: readonly number[] = [0]): Rush {
  let opened = 0;
  let tries = 0;
  const refused: Record<string, number> = {};
  const trying = again(TRY_EVERY_MS, async () => {
    const proxy = proxies[tries++ % proxies.length];
    const outcome = await fleet.open(1, path, proxy);
    opened += outcome.opened.length;
    for (const { status } of outcome.refused) refused[status] = (refused[status] ?? 0) + 1;
  });
  return {
    get opened() {
      return opened;
    },
    async stop() {
      await trying.stop();
      return refused;
    },
  };
}

/** Resolves when so much time has passed: for tests of what time alone must not change. */
export async function passed(ms: number): Promise<void> {
  const startedAtMs = machineNow();
  await until(`${ms} ms have passed`, () => machineNow() - startedAtMs >= ms, ms + 1000);
}

/** Calls `act` until it is stopped. `stop` rejects if `act` did. */
function again(pauseMs: number, act: () => Promise<void>): { stop(): Promise<void> } {
  let going = true;
  const done = (async () => {
    while (going) {
      await act();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  done.catch(() => {}); // told by stop
  return {
    async stop() {
      going = false;
      await done;
    },
  };
}
