/** Who holds a pod's slots: the first so many, read anew when something changes; or those that match a text. */

import { useEffect, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { ConnectionBody } from '../src/http/bodies.ts';
import { usePaced } from './use-paced.ts';

export interface Connections {
  readonly rows: readonly ConnectionBody[];
  /** Whether there are others than those looked at. */
  readonly more: boolean;
  /** How many were looked at. */
  readonly looked: number;
  /** Whether all of it has been read. */
  readonly done: boolean;
}

/** Of one request. */
export const CONNECTIONS_MAX = 1000;
/** A search ends when it has found as many as can be of use. */
const FOUND_MAX = 200;
/** People type faster than gates should be asked. */
const TYPED_MS = 250;
/** For a hundred rows. More are read the less often. */
const READ_EVERY_MS = 1000;

const NONE: Connections = { rows: [], more: false, looked: 0, done: false };

/** `change`: differs when the pod has changed. */
export function useConnections(api: Api, pod: string, max: number, change: string) {
  const { value = NONE, problem } = usePaced((READ_EVERY_MS * max) / 100, `${pod} ${max}`, change, async () => {
    const { connections, next } = await api.connections(pod, max);
    const rows = oldestFirst(connections).slice(0, max);
    return { rows, more: next !== null || connections.length > max, looked: rows.length, done: true };
  });
  return { ...value, problem };
}

/** Goes through all of them, a request after the other. It is not begun anew when the pod changes. */
export function useSearch(api: Api, pod: string, text: string) {
  const [found, setFound] = useState(NONE);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    setFound(NONE);
    setProblem(undefined);
    if (text === '') return;
    let isLeft = false;
    const tell = (now: Connections) => {
      if (!isLeft) setFound(now);
      return !isLeft;
    };
    const timer = setTimeout(() => {
      search(api, pod, text, tell).catch((error: Error) => !isLeft && setProblem(error.message));
    }, TYPED_MS);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [api, pod, text]);
  return { ...found, problem };
}

/** `tell` answers whether anybody still wants to know. */
async function search(api: Api, pod: string, text: string, tell: (found: Connections) => boolean): Promise<void> {
  const found = new Map<string, ConnectionBody>(); // a page may tell again what an earlier one did
  let looked = 0;
  let cursor: string | undefined;
  do {
    const { connections, next } = await api.connections(pod, CONNECTIONS_MAX, cursor);
    looked += connections.length;
    for (const connection of connections) if (matches(connection, text)) found.set(connection.lease, connection);
    cursor = next ?? undefined;
    const rows = oldestFirst([...found.values()]).slice(0, FOUND_MAX);
    if (!tell({ rows, more: cursor !== undefined, looked, done: cursor === undefined })) return;
  } while (cursor !== undefined && found.size < FOUND_MAX);
}

function matches({ lease, proxy, client, peer, path }: ConnectionBody, text: string): boolean {
  return [lease, proxy, client, peer, path].some((field) => field?.includes(text));
}

function oldestFirst(connections: readonly ConnectionBody[]): ConnectionBody[] {
  return [...connections].sort((a, b) => (a.since ?? '').localeCompare(b.since ?? ''));
}
