/** Preloaded into a gate, by `--import`: its clock is an hour ahead. Monotonic clocks stay right. */

const AHEAD_MS = 3_600_000;
const { now } = Date;

// A gate reads the time by `Date.now()` or `new Date()`, and so does whatever it is made of.
globalThis.Date = new Proxy(Date, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now() + AHEAD_MS] : args, newTarget),
});
Date.now = () => now() + AHEAD_MS;
