/**
 * Where an upgrade says which pod it is for, or which service: what one entry of `pods.from` may be. `envoy/pod-sources.ts`
 * reads by it.
 */

import { z } from 'zod';
import { parsePodId, parseServiceId } from '../admission/ids.ts';
import { text } from './notations.ts';

const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

/** No quotes: namespaces and keys have to stand in an attribute of the hold door. */
const METADATA_KEY = /^[A-Za-z0-9._:/-]{1,100}$/;

const metadataKey = text('letters, digits, . _ : / -, at most 100', METADATA_KEY);

/** What may name either of them. `fixed`: a text that does. */
function sourcesOf(word: 'pod' | 'service', fixed: z.ZodString) {
  const path = new RegExp(`^/[^{}\\s?#]*\\{${word}\\}[^{}\\s?#]*$`);
  const routeName = new RegExp(`^[^{}\\s]*\\{${word}\\}[^{}\\s]*$`);
  const host = new RegExp(`^[A-Za-z0-9.-]*\\{${word}\\}[A-Za-z0-9.-]*$`);
  return [
    // In lower case, as Envoy sends it.
    z.strictObject({ header: text(`the name of a header, such as x-${word}`, HEADER).toLowerCase() }),
    z.strictObject({ metadata: z.strictObject({ namespace: metadataKey, key: metadataKey }) }),
    z.strictObject({ context: text('a key of context_extensions', METADATA_KEY) }),
    z.strictObject({ path: text(`a path with exactly one {${word}}, such as /${word}s/{${word}}/ws`, path) }),
    z.strictObject({
      routeName: text(`a route name with exactly one {${word}}, such as httproute/default/{${word}}`, routeName),
    }),
    z.strictObject({ host: text(`a host with exactly one {${word}}, such as {${word}}.example.com`, host) }),
    z.strictObject({ fixed }),
  ] as const;
}

const podName = z
  .string()
  .refine((id) => parsePodId(id) !== undefined, 'a pod id: letters, digits, . _ : -, at most 253');

const serviceName = z
  .string()
  .refine((name) => parseServiceId(name) !== undefined, 'the name of one of the services, such as chat');

const SOURCES =
  '{header: NAME}, {metadata: {namespace: NAME, key: KEY}}, {context: KEY}, {path: TEMPLATE}, {routeName: TEMPLATE}, ' +
  '{host: TEMPLATE} or ';

const serviceSource = z.union(sourcesOf('service', serviceName), `${SOURCES}{fixed: SERVICE}`);

export const podSource = z.union(
  [z.enum(['route', 'context']), z.strictObject({ service: serviceSource }), ...sourcesOf('pod', podName)],
  `route, context, ${SOURCES}{fixed: POD}, or {service: one of these}`,
);

/** What names a service, but for `route` and `context`, which name either. */
export type ServiceSource = z.output<typeof serviceSource>;
export type PodSource = z.output<typeof podSource>;

/** The services that the sources themselves name. */
export function fixedServices(sources: readonly PodSource[]): string[] {
  return sources.flatMap((source) => {
    if (typeof source === 'string' || !('service' in source)) return [];
    return 'fixed' in source.service ? [source.service.fixed] : [];
  });
}
