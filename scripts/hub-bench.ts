/** `npm run bench:hub [-- --short]`: what the hub costs, measured. */

import { machine, tablesOf } from './bench/report.ts';
import { Stand } from './bench/stand.ts';
import { hubBenchmark } from './hub-bench/hub.ts';

const { name, what, run } = hubBenchmark;
const stand = new Stand();
try {
  const length = process.argv.includes('--short') ? 'short' : 'full';
  const figures = await run({ stand, length, say: (text) => console.error(text) });
  console.log(`${tablesOf([{ benchmark: name, what, figures }])}\n${machine()}`);
} finally {
  await stand.stop();
}
