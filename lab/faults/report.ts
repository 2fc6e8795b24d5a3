/** The results as tables, a short one to read and a long one with all that was measured; and docs/faults.md with both. */

import { DOOR_NAMES, DOORS, type Door } from './doors.ts';
import type { Policy } from './fleet-options.ts';
import { FAULTS } from './list.ts';
import type { Result } from './run.ts';
import { COUNTS_AGE_MS, SCALE, SIZE, WRITTEN_SCALE } from './scale.ts';
import { seconds } from './verdict.ts';

/** Columns of the long table. */
const LONG: readonly (readonly [string, (result: Result) => string])[] = [
  ['fault', ({ fault }) => fault.name],
  ['door', ({ door }) => door],
  ['policy', ({ policy }) => policy],
  ['count off, longest (most)', ({ offMs, offMax }) => (offMax === 0 ? '0' : `${seconds(offMs)} (${offMax})`)],
  ['error when settled', ({ error }) => String(error)],
  ['time to settle (bound)', ({ settledMs, settleBoundMs }) => bounded(settledMs, settleBoundMs)],
  ['slot kept after its close, longest (bound)', ({ keptMs, keptBoundMs }) => bounded(keptMs, keptBoundMs)],
  ['streams that broke, their slots (bound)', forgottenIn],
  ['live connection lost its slot, longest (bound)', ({ lost }) => bounded(lost.ms, lost.boundMs)],
  ['live connection not written yet, longest (bound)', ({ unwritten }) => bounded(unwritten.ms, unwritten.boundMs)],
  ['answer to an upgrade during the fault: median, slowest', ({ answersMs }) => answers(answersMs)],
  ['the store asked again after the fault (bound)', ({ backMs, backBoundMs }) => bounded(backMs, backBoundMs)],
  ['live connections cut', ({ cut }) => String(cut)],
  ['verdict', verdictOf],
];

/** A row for each fault and door, with each policy that it ran under. */
export function shortTableOf(results: readonly Result[]): string {
  const policies = [...new Set(results.map(({ policy }) => policy))];
  const under = policies.join(' / ');
  const head = [
    'fault',
    'door',
    'what was done',
    `over the limit, of at most: ${under}`,
    `live connections uncounted: ${under}`,
    `slots that nobody could speak of, of at most: ${under}`,
    `slots leaked: ${under}`,
    'verdict',
  ];
  const rows = [...Map.groupBy(results, ({ fault, door }) => `${fault.name} ${door}`).values()];
  return tableOf(
    head,
    rows.flatMap((some) => {
      const [first] = some;
      if (!first) return [];
      const each = (cell: (result: Result) => string) =>
        policies.map((policy) => cellOf(some, policy, cell)).join(' / ');
      return [
        [
          first.fault.name,
          first.door,
          first.fault.what,
          each(({ over, overBound }) => `${over} of ${Number.isFinite(overBound) ? overBound : 'any'}`),
          each(({ lost, unwritten }) => String(lost.beyond + unwritten.beyond)),
          each(({ forgotten: { kept, outlived, most } }) => (most === 0 ? '–' : `${kept + outlived} of ${most}`)),
          each(({ leaked }) => String(leaked)),
          some.every(({ broken }) => broken.length === 0) ? 'holds' : some.map(verdictOf).join('; '),
        ],
      ];
    }),
  );
}

function cellOf(results: readonly Result[], policy: Policy, cell: (result: Result) => string): string {
  const result = results.find((each) => each.policy === policy);
  return result ? cell(result) : '–';
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** How many slots it were, of those that it may be, and how long they were kept. */
export function forgottenIn({ forgotten }: Result): string {
  const { kept, outlived, most, keptMs, boundMs } = forgotten;
  if (most === 0) return '–';
  return `${kept} kept after their close, ${outlived} lost while it lived, of at most ${most}: ${bounded(keptMs, boundMs)}`;
}

/** What is not done through a door, and why. */
function leftOut(doors: readonly Door[]): string {
  const lines = doors.flatMap((door) =>
    FAULTS.flatMap(({ name, notThrough }) => {
      const why = notThrough?.[door];
      return why === undefined ? [] : [`- ${name}, door ${door}: ${why}.`];
    }),
  );
  return lines.length === 0 ? '' : `\nNot done:\n\n${lines.join('\n')}\n`;
}

function bounded(ms: number, boundMs: number): string {
  return `${seconds(ms)} (${seconds(boundMs)})`;
}

function verdictOf({ broken, policy }: Result): string {
  return broken.length === 0 ? 'holds' : `**broken** under ${policy}: ${broken.join('; ')}`;
}

function answers(ms: readonly number[]): string {
  if (ms.length === 0) return '';
  const sorted = ms.toSorted((a, b) => a - b);
  const [median = 0, slowest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return `${median.toFixed(0)} ms, ${slowest.toFixed(0)} ms`;
}

export interface Run {
  readonly command: string;
  readonly seed: number;
  readonly digest: string;
}

export function documentOf(results: readonly Result[], { command, seed, digest }: Run): string {
  const doors = DOOR_NAMES.filter((door) => results.some((result) => result.door === door));
  return `# What holds when something breaks

Written by \`${command}\`; seed ${seed}, digest of what was done ${digest}.

${SIZE.gates} gates on one Redis, ${SIZE.proxies} Envoys, ${SIZE.pods} pods with a limit of ${SIZE.limit} each: real processes and real WebSockets. Clients open and
close all the time, two opens for each close, so that the limit is always contested; after an outage, those that were
refused come back in a rush. The Envoys run a file of envoy/ as it is shipped: ${doors.map((door) => `\`${door}\` is envoy/${DOORS[door].file} (${DOORS[door].what})`).join('; ')}. Where a cell has two values, they are of two runs, one under each \`outage.policy\`.

- over the limit: open connections of a pod less its limit, right after one more was admitted; and how many the design
  allows (below).
- live connections uncounted: those that had no slot for longer than their bound, while the store could be read. What was
  admitted without the store may be uncounted until it is written; where the store lost leases, they are written again
  within a flush interval; everywhere else the bound is 0.
- slots that nobody could speak of: with the hold door alone, where a gate or an Envoy died, or the network between them was
  cut. Envoy opens no second stream for a connection that lives. Its slot goes ${seconds(SCALE.unrenewedMaxMs)} (\`lease.unrenewedMax\`)
  after the last word of it, whether it closed or lives on. So many slots were kept for longer than others may be, or lost
  while the connection lived; and so many streams the Envoys had open there just before. Not one more may be.
- slots leaked: leases that were left when everybody had gone.

${shortTableOf(results)}
${leftOut(doors)}
## Through the hold door

\`npm run faults\` is about envoy/edge.yaml. \`npm run faults -- --door hold\` has the same faults with envoy/hold.yaml alone,
\`--door both\` with envoy/edge-hold.yaml, \`--door all\` with all three; it prints the same tables. \`--list\` says which faults
are not done through which door, and why. \`.ci/run\` has six of them through both files of the hold door, \`npm run night\` all.

Where a gate, an Envoy or the network between them breaks, nobody can speak of the connections whose streams broke, unless
a log does. The bench lets these keep their slots for \`lease.unrenewedMax\`, and no others: they may be no more than the
Envoys had streams open there at that moment (with a log: than began less than a flush interval before), each slot is free
3 s after that time at the latest, and no live connection loses its slot before it.

## What \`share\` may exceed a limit by

While the store answers, nothing. Without it, what others admitted between the last count that a gate read and the
outage. With G gates, of which K lose the store, the limit L, n connections of the pod open at the outage, and A of them
admitted in the ${seconds(COUNTS_AGE_MS)} before (a gate reads all counts so often):

- all gates lose it (K = G): at most A × (G − 1) / G. Each gate uses 1 / G of the room that it knows of. What it admitted
  itself it has counted, so each of the A admissions is missing in the counts of G − 1 gates at most.
- some lose it (K < G): at most K × (L − n + A) / G. The others fill the pod to its limit; what is over is the parts of the
  gates that are cut off, which knew of L − (n − A) free slots at most.

The bench takes n and A from its own clients, and rounds each gate's part down. \`deny\` exceeds nothing.

## How it is measured

The scale: ${WRITTEN_SCALE}.
What no configuration scales is as it always is: heartbeats, Envoy's keepalive and health checks, deadlines.

The bench compares each connection with each lease every 50 ms, so that two mistakes never make a right. The truth is the
sockets that its clients hold; Envoy's own gauges have to agree with it in the end. A close is on its way for a second.
While Redis does not answer there is no count to be off. Where an access log leaves connections out, leases of those that
have closed are no error: nobody told the gate.

Times are those that the machine gave to its programs: less those in which an idle thread was not let run, though the bench
and its children left processors free. A fault that breaks a bound while the machine stalled for a fiftieth of the time is
done once more, and the log says so.

## All that was measured

- count off: the longest time without a moment in which every live connection had its lease, and every lease a
  connection; in brackets, how many of both at most.
- live connection lost its slot: one that the store had known. Not written yet: one that it had not.
- answer to an upgrade during the fault: from a client to Envoy, the gate, and back; a refusal is an answer, too.
- time to settle: from the end of the fault to the last moment that the count was off.

${tableOf(
  LONG.map(([title]) => title),
  results.map((result) => LONG.map(([, cell]) => cell(result))),
)}
`;
}
