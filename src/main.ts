#!/usr/bin/env node
/**
 * Where the process begins. An older Node cannot load the rest, and would say so in a syntax error; so it is named
 * before. The rest is loaded by `command-line.ts`.
 */

/** As in package.json, `engines`. */
const NODE_MIN = 24;

const { node } = process.versions;
if (Number.parseInt(node, 10) >= NODE_MIN) {
  if (process.argv.includes('serve')) {
    const { boundYoungGeneration } = await import('./young-generation.ts');
    boundYoungGeneration(process);
  }
  const { cacheCompiledCode } = await import('./compiled-code.ts');
  cacheCompiledCode(process.env);
  await import('./command-line.ts');
} else {
  process.stderr.write(`wsgate: this is Node ${node}: expected Node ${NODE_MIN} or newer\n`);
  process.exitCode = 1;
}

export {};
