/** One sample pod as a process, for docker-compose: on every interface, at PORT (8080), under the name POD (its host's). */

import { hostname } from 'node:os';
import { startPod } from '../lab/fleet/pod.ts';

const port = Number(process.env.PORT ?? 8080);
const pod = await startPod({ name: process.env.POD ?? hostname(), port, host: '0.0.0.0' });
console.log(`${pod.name} listens on port ${pod.port}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void pod.stop());
