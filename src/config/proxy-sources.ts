/** Where an Envoy's name comes from: what one entry of `proxy.from` may be. `envoy/proxy-name.ts` reads by it. */

import type { z } from 'zod';
import { oneOf } from './notations.ts';

export const proxySource = oneOf(['metadata', 'label', 'node', 'certificate', 'peer']);

export type ProxySource = z.output<typeof proxySource>;
