/** Where an upgrade says which pod it is for: what one entry of `pods.from` may be. */

import { z } from 'zod';
import { type PodId, parsePodId } from '../admission/ids.ts';

/** What stands before and after the pod; what may follow that is told where templates are read, in `envoy/pod-sources.ts`. */
interface Template {
  readonly before: string;
  readonly after: string;
}

export type PodSource =
  | { readonly kind: 'route' }
  | { readonly kind: 'context' }
  /** `name` is in lower case, as Envoy sends it. */
  | { readonly kind: 'header'; readonly name: string }
  | ({ readonly kind: 'path' } & Template)
  | ({ readonly kind: 'host' } & Template)
  | { readonly kind: 'fixed'; readonly pod: PodId };

const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const PATH = /^\/[^{}\s?#]*\{pod\}[^{}\s?#]*$/;
const HOST = /^[A-Za-z0-9.-]*\{pod\}[A-Za-z0-9.-]*$/;

const notation = z.union(
  [
    z.enum(['route', 'context']),
    z.strictObject({ header: z.string().regex(HEADER, 'the name of a header, such as x-pod') }),
    z.strictObject({ path: z.string().regex(PATH, 'a path with exactly one {pod}, such as /pods/{pod}/ws') }),
    z.strictObject({ host: z.string().regex(HOST, 'a host with exactly one {pod}, such as {pod}.example.com') }),
    z.strictObject({
      fixed: z
        .string()
        .refine((text) => parsePodId(text) !== undefined, 'a pod id: letters, digits, . _ : -, at most 253'),
    }),
  ],
  'route, context, {header: NAME}, {path: TEMPLATE}, {host: TEMPLATE} or {fixed: POD}',
);

export const podSource = z.codec(notation, z.custom<PodSource>(), { decode, encode });

function decode(entry: z.output<typeof notation>): PodSource {
  if (typeof entry === 'string') return { kind: entry };
  if ('header' in entry) return { kind: 'header', name: entry.header.toLowerCase() };
  if ('path' in entry) return { kind: 'path', ...template(entry.path) };
  if ('host' in entry) return { kind: 'host', ...template(entry.host) };
  const pod = parsePodId(entry.fixed);
  if (pod === undefined) throw new Error('unreachable: the notation above takes only pod ids');
  return { kind: 'fixed', pod };
}

function encode(source: PodSource): z.input<typeof notation> {
  switch (source.kind) {
    case 'route':
    case 'context':
      return source.kind;
    case 'header':
      return { header: source.name };
    case 'path':
      return { path: `${source.before}{pod}${source.after}` };
    case 'host':
      return { host: `${source.before}{pod}${source.after}` };
    case 'fixed':
      return { fixed: source.pod };
  }
}

function template(text: string): Template {
  const [before = '', after = ''] = text.split('{pod}');
  return { before, after };
}
