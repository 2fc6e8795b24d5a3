/**
 * The gate's HTTP API for programs: the dashboard, `wsgate watch` and tests use this one client. No module of Node's:
 * it runs in browsers, too.
 */

import {
  type AcceptedBody,
  type AuditBody,
  type CloseBody,
  type ConnectionsBody,
  type CrowdClosingBody,
  type EventsBody,
  type GatesBody,
  type HistoryBody,
  type LimitBody,
  NAMED_PODS_MAX,
  type OverrideBody,
  type OverridesBody,
  type PodNowBody,
  type PodsBody,
  type ProxiesBody,
  type ReadinessBody,
  type ReleaseBody,
  type ServicesBody,
  type TicketBody,
} from '../http/bodies.ts';

export interface ApiOptions {
  /** Of the gate. It may stand behind a proxy's path, which then ends in `/`. */
  readonly url: string | URL;
  readonly token?: string | undefined;
  /** Called when the gate wants a token, or another one. */
  readonly unauthorized?: () => void;
}

/** An HTTP status other than success, with the detail of the problem document. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Well below the default of http.headerBytesMax. */
const NAMES_CHARS_MAX = 8000;

/** As many of these pods as one request may name: a gate bounds their number, and the length of a path. */
export function named(pods: Iterable<string>): string[] {
  const names: string[] = [];
  let chars = 0;
  for (const pod of pods) {
    chars += encodeURIComponent(pod).length + 1;
    if (names.length === NAMED_PODS_MAX || chars > NAMES_CHARS_MAX) break;
    names.push(pod);
  }
  return names;
}

/** Each call rejects with an `ApiError`; or, when no answer comes, with an Error whose `cause` tells why. */
export class Api {
  readonly #options: ApiOptions;
  #probing: Promise<unknown> | undefined;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  webSocket(path: string): URL {
    return new URL(path, this.#options.url);
  }

  /** These pods, as of this moment. */
  pods(names: readonly string[]): Promise<PodsBody> {
    return this.#ask('GET', `v1/pods?pods=${listOf(names)}`);
  }

  pod(name: string): Promise<PodNowBody> {
    return this.#ask('GET', podAt(name));
  }

  /** Pods whose name contains the text, at most so many. */
  find(text: string, max: number): Promise<PodsBody> {
    return this.#ask('GET', `v1/pods?contains=${encodeURIComponent(text)}&limit=${max}`);
  }

  /** At most so many pods of each. */
  services(max: number): Promise<ServicesBody> {
    return this.#ask('GET', `v1/services?limit=${max}`);
  }

  connections(pod: string, max: number, cursor?: string): Promise<ConnectionsBody> {
    const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    return this.#ask('GET', `${podAt(pod)}/connections?limit=${max}${after}`);
  }

  release(pod: string, lease: string): Promise<ReleaseBody> {
    return this.#ask('POST', `${podAt(pod)}/connections/${encodeURIComponent(lease)}/release`);
  }

  /** `reason`: for Envoy's access log, 1 to 64 of a-z 0-9 _ -. */
  close(pod: string, lease: string, reason?: string): Promise<CloseBody> {
    const path = `${podAt(pod)}/connections/${encodeURIComponent(lease)}/close`;
    return this.#ask('POST', path, reason === undefined ? {} : { body: { reason } });
  }

  /** Closes many, at a pace. */
  closeMany(crowd: CloseMany): Promise<CrowdClosingBody> {
    return this.#ask('POST', 'v1/connections/close', { body: crowd });
  }

  /** What somebody has decided about pods, which wins over the configuration. */
  overrides(): Promise<OverridesBody> {
    return this.#ask('GET', 'v1/limits');
  }

  limit(pod: string): Promise<LimitBody> {
    return this.#ask('GET', limitOf(pod));
  }

  setLimit(pod: string, limit: SetLimit): Promise<LimitBody> {
    return this.#ask('PUT', limitOf(pod), { body: limit });
  }

  deleteLimit(pod: string): Promise<LimitBody> {
    return this.#ask('DELETE', limitOf(pod));
  }

  /** It takes no new connections from now on. */
  cordon(pod: string, reason?: string): Promise<OverrideBody> {
    return this.#ask('PUT', `${podAt(pod)}/cordon`, { body: { ...(reason === undefined ? {} : { reason }) } });
  }

  /** And stops a drain. */
  async uncordon(pod: string): Promise<void> {
    await this.#ask('DELETE', `${podAt(pod)}/cordon`);
  }

  /** Cordons it, and closes its connections: `rate` a second at most, 100 unless given. */
  drain(pod: string, drain: { readonly rate?: number; readonly reason?: string } = {}): Promise<OverrideBody> {
    return this.#ask('PUT', `${podAt(pod)}/drain`, { body: drain });
  }

  /** It stays cordoned. */
  stopDrain(pod: string): Promise<OverrideBody> {
    return this.#ask('DELETE', `${podAt(pod)}/drain`);
  }

  /** The newest entries, at most so many; the newest first. */
  audit(max: number): Promise<AuditBody> {
    return this.#ask('GET', `v1/audit?limit=${max}`);
  }

  /** What these pods held over the last hour, and what the fleet admitted and denied. */
  history(names: readonly string[]): Promise<HistoryBody> {
    return this.#ask('GET', `v1/history?pods=${listOf(names)}`);
  }

  gates(): Promise<GatesBody> {
    return this.#ask('GET', 'v1/gates');
  }

  proxies(): Promise<ProxiesBody> {
    return this.#ask('GET', 'v1/proxies');
  }

  /** The newest events, at most so many; oldest first. */
  events(max: number): Promise<EventsBody> {
    return this.#ask('GET', `v1/events?limit=${max}`);
  }

  readiness(): Promise<ReadinessBody> {
    return this.#ask('GET', 'readyz', { also: 503 });
  }

  publish(events: readonly object[]): Promise<AcceptedBody> {
    return this.#ask('POST', 'v1/events', { body: events });
  }

  /** For a WebSocket: a browser's can show no token. Undefined: none is needed. */
  async ticket(): Promise<string | undefined> {
    if (this.#options.token === undefined) {
      // A refused WebSocket does not tell why. This does. One request serves all WebSockets that are opened at once.
      this.#probing ??= this.history([]).finally(() => {
        this.#probing = undefined;
      });
      await this.#probing;
      return undefined;
    }
    try {
      return (await this.#ask<TicketBody>('POST', 'v1/tickets')).ticket;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return undefined; // the gate has no tokens
      throw error;
    }
  }

  /** `also`: a status that is no error, either. */
  async #ask<Body>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { body, also }: AskOptions = {},
  ): Promise<Body> {
    const { url, token, unauthorized } = this.#options;
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new Error('no answer', { cause: error.cause ?? error });
    });
    const answer = (await response.json().catch(() => ({}))) as Body & { detail?: string };
    if (response.ok || response.status === also) return answer;
    if (response.status === 401) unauthorized?.();
    throw new ApiError(response.status, answer.detail ?? `HTTP ${response.status}`);
  }
}

export interface SetLimit {
  readonly connections: number;
  /** Until it ends by itself; for ever unless given. */
  readonly forSeconds?: number;
  /** For people, one line. */
  readonly reason?: string;
  /** Closes those that are beyond it. */
  readonly close?: 'oldest' | 'newest';
}

/** `pod` or `proxy`, or both. */
export interface CloseMany {
  readonly pod?: string;
  readonly proxy?: string;
  readonly olderThanSeconds?: number;
  /** Only so many, and these first; one of both. */
  readonly oldest?: number;
  readonly newest?: number;
  /** Connections a second, at most; 100 unless given. */
  readonly rate?: number;
  /** For Envoy's access log, 1 to 64 of a-z 0-9 _ -. */
  readonly reason?: string;
}

interface AskOptions {
  readonly body?: object;
  readonly also?: number;
}

function podAt(pod: string): string {
  return `v1/pods/${encodeURIComponent(pod)}`;
}

function limitOf(pod: string): string {
  return `v1/limits/pods/${encodeURIComponent(pod)}`;
}

function listOf(names: readonly string[]): string {
  return names.map(encodeURIComponent).join(',');
}
