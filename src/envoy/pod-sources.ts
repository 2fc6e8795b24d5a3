/**
 * Which pod a request is for: the first of the configured sources that names one.
 *
 * A Check and an access log entry show different parts of the same request; both come here as a `Sight` of it.
 */

import { type PodId, parsePodId } from '../admission/ids.ts';
import type { PodSource } from '../config/pod-sources.ts';

export interface Sight {
  /** Route metadata, namespace `wsgate`, key `pod`. */
  readonly routePod: string | undefined;
  /** The route's `context_extensions.pod`; never in the access log. */
  readonly contextPod: string | undefined;
  header(name: string): string | undefined;
  readonly path: string | undefined;
  readonly host: string | undefined;
}

interface Source {
  readonly name: string;
  read(sight: Sight): string | undefined;
}

export class PodSources {
  /** The request headers that name a pod. */
  readonly headers: readonly string[];
  readonly #sources: readonly Source[];

  constructor(sources: readonly PodSource[]) {
    this.headers = sources.flatMap((source) => (source.kind === 'header' ? [source.name] : []));
    this.#sources = sources.map(compile);
  }

  /** A source that names something that is no pod id ends the search: guessing on would count the wrong pod. */
  podOf(sight: Sight): PodId | undefined {
    for (const source of this.#sources) {
      const text = source.read(sight);
      if (text !== undefined) return parsePodId(text);
    }
    return undefined;
  }

  /** What each source showed, for the log of a request whose pod could not be told. */
  explain(sight: Sight): string[] {
    return this.#sources.map((source) => {
      const text = source.read(sight);
      if (text === undefined) return `${source.name}: nothing`;
      const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
      return `${source.name}: ${shown}${parsePodId(text) ? '' : ' is no pod id, which is 1 to 253 of A-Z a-z 0-9 . _ : -'}`;
    });
  }
}

function compile(source: PodSource): Source {
  switch (source.kind) {
    case 'route':
      return { name: 'route metadata wsgate.pod', read: ({ routePod }) => routePod };
    case 'context':
      return { name: 'context_extensions.pod', read: ({ contextPod }) => contextPod };
    case 'header':
      return { name: `header ${source.name}`, read: (sight) => sight.header(source.name) };
    case 'path': {
      const after = source.after.replace(/\/$/, '');
      const template = new RegExp(`^${RegExp.escape(source.before)}([^/]+)${RegExp.escape(after)}(?:/|$)`);
      return { name: 'path', read: ({ path = '' }) => template.exec(withoutQuery(path))?.[1] };
    }
    case 'host': {
      const template = new RegExp(
        `^${RegExp.escape(source.before)}([^.]+)${RegExp.escape(source.after)}(?::\\d+)?$`,
        'i',
      );
      return { name: 'host', read: ({ host = '' }) => template.exec(host)?.[1] };
    }
    case 'fixed':
      return { name: 'fixed', read: () => source.pod };
  }
}

export function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}
