/** Services, the sets of pods among which the gate chooses: what one entry of `services` may be. */

import { z } from 'zod';
import { parseEndpoint, parseServiceId } from '../admission/ids.ts';
import { notation, whole } from './notations.ts';

export const connections = whole(0, 1_000_000);

const ADDRESS = 'an address and port, such as 10.0.0.1:8080 or [2001:db8::1]:8080';
const address = notation(ADDRESS, parseEndpoint, String);

const endpoint = z.union(
  [address, z.strictObject({ address, connections: connections.exactOptional() })],
  `${ADDRESS}, or {address: ADDRESS, connections: NUMBER}`,
);

const service = z.strictObject({
  endpoints: z.strictObject({
    static: z.array(endpoint, 'a list of addresses').min(1, 'at least one address'),
  }),
  connections: connections.exactOptional(),
});

const NAME = "a service's name: letters, digits, . _ -, at most 63";

export const services = z.record(
  z.string().refine((name) => parseServiceId(name) !== undefined, NAME),
  service,
);
