import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const {
  WSGATE_TEST_DOCKER: withDocker,
  WSGATE_TEST_SLOW: withSlow,
  WSGATE_TEST_CONTROL_PLANES: withControlPlanes,
  WSGATE_TEST_REPORT: report,
} = process.env;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Builds images and brings the whole compose file up: minutes, and a machine with Docker. And what would take `npm test`
    // over five minutes. `.ci/run` asks for both. Control planes are built for `npm run test:control-planes` only.
    exclude: [
      ...(withDocker ? [] : ['test/docker/**']),
      ...(withSlow ? [] : ['test/slow/**']),
      ...(withControlPlanes ? [] : ['test/control-planes/**']),
    ],
    // Processes, not threads: a test's native handles (gRPC, sockets) end with it.
    pool: 'forks',
    // Each worker drives Envoys and a Redis of its own, so half the processors for the workers leaves as many for those.
    // Four at least: tests wait more than they compute.
    maxWorkers: Math.max(4, Math.floor(availableParallelism() / 2)),
    // Machines stall. What has to be fast is measured by the test itself; here is only where a wait is given up.
    runner: './test/support/runner.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    // A rejection that nobody handles fails the run. That is vitest's default; it is written here because it is meant.
    dangerouslyIgnoreUnhandledErrors: false,
    // A forgotten `.only` would pass for the whole suite.
    allowOnly: false,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
