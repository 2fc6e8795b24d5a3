/** The key by which an upgrade sticks to a pod: where a request shows it. It is the client's own, and is shown nowhere. */

import type { StickySource } from '../admission/services.ts';

const COOKIE = 'cookie';

/** What a message shows of a request. */
interface Shown {
  header(name: string): string | undefined;
  metadata(namespace: string, key: string): string | undefined;
  readonly path: string | undefined;
}

/** The headers that hold it. */
export function headersOf(source: StickySource): string[] {
  if ('header' in source) return [source.header];
  return 'cookie' in source ? [COOKIE] : [];
}

/** Undefined where there is none, or an empty one. */
export function stickyKey(source: StickySource, shown: Shown): string | undefined {
  return readKey(source, shown) || undefined;
}

function readKey(source: StickySource, { header, metadata, path = '' }: Shown): string | undefined {
  if ('header' in source) return header(source.header);
  if ('cookie' in source) return cookieIn(header(COOKIE) ?? '', source.cookie);
  if ('metadata' in source) return metadata(source.metadata.namespace, source.metadata.key);
  const start = path.indexOf('?');
  return start < 0
    ? undefined
    : (new URLSearchParams(path.slice(start + 1).split('#', 1)[0]).get(source.query) ?? undefined);
}

/** HTTP/2 may send a header for each cookie. */
function cookieIn(cookies: string, name: string): string | undefined {
  for (const each of cookies.split(/[;,]/)) {
    const [key = '', ...value] = each.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}
