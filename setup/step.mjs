/**
 * Says what set-up does, one line a step. Steps that have nothing to do are not steps, and say nothing.
 *
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(what, work) {
  const startedMs = performance.now();
  process.stderr.write(`set-up: ${what} … `);
  try {
    const result = await work();
    process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}
