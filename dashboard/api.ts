/** The gate's HTTP API as the page uses it. The token lives as long as the browser's tab. */

import type { Snapshot } from '../src/hub/protocol.ts';

const TOKEN = 'wsgate-token';
const NAMED_MAX = 100;
/** Well below the default of http.headerBytesMax. */
const NAMES_CHARS_MAX = 8000;

/** Where the page is: the gate may stand behind a proxy's path. */
const base = () => new URL('.', document.baseURI);

export type PodCount = Pick<Snapshot['pods'][number], 'pod' | 'connections' | 'limit' | 'proxies'>;

export interface Connection {
  readonly lease: string;
  readonly proxy: string;
  readonly since: string | null;
  readonly client: string | null;
  readonly path: string | null;
  readonly state: string | null;
}

/** An answer that is none of success: an HTTP status, and the detail of the problem document. */
class ApiError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export class Api {
  readonly #token: string | undefined;
  readonly #unauthorized: () => void;
  #probing: Promise<unknown> | undefined;

  /** `unauthorized`: called when the gate wants a token, or another one. */
  constructor(token: string | undefined, unauthorized: () => void) {
    this.#token = token;
    this.#unauthorized = unauthorized;
  }

  /** As many of these pods as one request may name: a gate bounds them, and the length of an address. */
  named(pods: Iterable<string>): string[] {
    const names: string[] = [];
    let chars = 0;
    for (const pod of pods) {
      chars += encodeURIComponent(pod).length + 1;
      if (names.length === NAMED_MAX || chars > NAMES_CHARS_MAX) break;
      names.push(pod);
    }
    return names;
  }

  /** As of this moment. */
  pods(names: readonly string[]): Promise<{ time: string; pods: PodCount[] }> {
    return this.#ask('GET', `v1/pods?pods=${names.map(encodeURIComponent).join(',')}`);
  }

  /** Those whose name contains the text, at most so many. */
  find(text: string, max: number): Promise<{ pods: PodCount[] }> {
    return this.#ask('GET', `v1/pods?contains=${encodeURIComponent(text)}&limit=${max}`);
  }

  connections(pod: string, max: number, cursor?: string): Promise<{ connections: Connection[]; next: string | null }> {
    const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    return this.#ask('GET', `v1/pods/${encodeURIComponent(pod)}/connections?limit=${max}${after}`);
  }

  release(pod: string, lease: string): Promise<{ released: boolean }> {
    return this.#ask('POST', `v1/pods/${encodeURIComponent(pod)}/connections/${encodeURIComponent(lease)}/release`);
  }

  /** Counts of the last hour, oldest first; null where nobody knows. */
  history(names: readonly string[]): Promise<{ stepSeconds: number; pods: Record<string, (number | null)[]> }> {
    return this.#ask('GET', `v1/history?pods=${names.map(encodeURIComponent).join(',')}`);
  }

  /** For a WebSocket, which can show no token in a browser. Undefined: none is needed. */
  async ticket(): Promise<string | undefined> {
    try {
      if (this.#token !== undefined) return (await this.#ask<{ ticket: string }>('POST', 'v1/tickets')).ticket;
      // A refused WebSocket does not tell why. This does, and costs nothing.
      await this.#probe();
    } catch (error) {
      if (!(error instanceof ApiError)) throw new Error('no answer');
      if (error.status === 401) throw error;
    }
    return undefined;
  }

  /** One for all WebSockets that are opened at the same time. */
  #probe(): Promise<unknown> {
    this.#probing ??= this.pods([]).finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  webSocket(path: string): URL {
    return new URL(path, base());
  }

  /** Rejects with an ApiError, or with a TypeError when there is no answer. */
  async #ask<T>(method: 'GET' | 'POST', path: string): Promise<T> {
    const headers: HeadersInit = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const response = await fetch(new URL(path, base()), { method, headers, cache: 'no-store' });
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    if (response.status === 401) this.#unauthorized();
    throw new ApiError(response.status, body.detail ?? `HTTP ${response.status}`);
  }
}

export const tokenOfTab = {
  get: (): string | undefined => sessionStorage.getItem(TOKEN) ?? undefined,
  set: (token: string): void => sessionStorage.setItem(TOKEN, token),
};
