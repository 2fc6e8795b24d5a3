/**
 * Where an upgrade says which pod it is for: what one entry of `pods.from` may be. `envoy/pod-sources.ts` reads by it.
 */

import { z } from 'zod';
import { parsePodId } from '../admission/ids.ts';
import { text } from './notations.ts';

const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const PATH = /^\/[^{}\s?#]*\{pod\}[^{}\s?#]*$/;
const ROUTE_NAME = /^[^{}\s]*\{pod\}[^{}\s]*$/;
const HOST = /^[A-Za-z0-9.-]*\{pod\}[A-Za-z0-9.-]*$/;

/** No quotes: namespaces and keys have to stand in an attribute of the hold door. */
const METADATA_KEY = /^[A-Za-z0-9._:/-]{1,100}$/;

const metadataKey = text('letters, digits, . _ : / -, at most 100', METADATA_KEY);

export const podSource = z.union(
  [
    z.enum(['route', 'context']),
    // In lower case, as Envoy sends it.
    z.strictObject({ header: text('the name of a header, such as x-pod', HEADER).toLowerCase() }),
    z.strictObject({ metadata: z.strictObject({ namespace: metadataKey, key: metadataKey }) }),
    z.strictObject({ context: text('a key of context_extensions', METADATA_KEY) }),
    z.strictObject({ path: text('a path with exactly one {pod}, such as /pods/{pod}/ws', PATH) }),
    z.strictObject({
      routeName: text('a route name with exactly one {pod}, such as httproute/default/{pod}', ROUTE_NAME),
    }),
    z.strictObject({ host: text('a host with exactly one {pod}, such as {pod}.example.com', HOST) }),
    z.strictObject({
      fixed: z.string().refine((id) => parsePodId(id) !== undefined, 'a pod id: letters, digits, . _ : -, at most 253'),
    }),
  ],
  'route, context, {header: NAME}, {metadata: {namespace: NAME, key: KEY}}, {context: KEY}, {path: TEMPLATE}, ' +
    '{routeName: TEMPLATE}, {host: TEMPLATE} or {fixed: POD}',
);

export type PodSource = z.output<typeof podSource>;
