/** All the faults that there are. */

import { doorFaults } from './door-faults.ts';
import { envoyFaults } from './envoy-faults.ts';
import type { Fault } from './fault.ts';
import { gateFaults } from './gate-faults.ts';
import { loadFaults } from './load-faults.ts';
import { redisFaults } from './redis-faults.ts';

export const FAULTS: readonly Fault[] = [...gateFaults, ...redisFaults, ...envoyFaults, ...loadFaults, ...doorFaults];
