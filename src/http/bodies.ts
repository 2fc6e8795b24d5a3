/**
 * What the HTTP API answers, as JSON. The server's routes are held to these types, and the client (`client/api.ts`)
 * gives them to the dashboard, `wsgate watch` and tests. No module of Node's.
 */

import type { CloudEvent } from '../hub/events/cloud-event.ts';

/** Pods that one request may name. */
export const NAMED_PODS_MAX = 100;

export interface PodBody {
  readonly pod: string;
  readonly connections: number;
  /** The one in force. */
  readonly limit: number;
  /** What somebody has decided about it; absent where nobody has. */
  readonly overrides?: readonly OverrideBody[];
  /** Connections by proxy. */
  readonly proxies: Readonly<Record<string, number>>;
}

/** `time`: when it was read, by the store's clock. */
export type PodNowBody = PodBody & { readonly time: string };

/** What somebody decided about a pod, which wins over the configuration. Null: never, or none was given. */
export interface OverrideBody {
  readonly kind: string;
  readonly pod: string;
  /** Of a limit. */
  readonly connections?: number;
  /** The name of a token. */
  readonly by: string;
  readonly at: string;
  readonly until: string | null;
  readonly reason: string | null;
  /** Of a cordon: its connections are closed, too. */
  readonly drain?: DrainBody;
  /** In the answer to who has just decided it: no gate knew a pod of this name before. */
  readonly unknown?: true;
}

export interface DrainBody {
  /** Connections that are closed each second, at most. */
  readonly rate: number;
  /** How many have been asked to close. */
  readonly asked: number;
  /** How many the pod had when a gate last looked. Null: none has looked yet. */
  readonly left: number | null;
  /** When all had been closed that can be. Null: it goes on. */
  readonly done: string | null;
}

/** The limit of a pod, and where it comes from. */
export interface LimitBody {
  readonly pod: string;
  /** The one in force. */
  readonly limit: number;
  readonly configured: number;
  readonly overrides: readonly OverrideBody[];
  /** In the answer to who has just set it: no gate knew a pod of this name before. */
  readonly unknown?: true;
  /** Where it was asked for: those that are beyond the new limit. */
  readonly closing?: CrowdClosingBody;
}

export interface OverridesBody {
  /** By pod. */
  readonly overrides: readonly OverrideBody[];
}

export interface AuditBody {
  /** The newest first. */
  readonly entries: readonly AuditEntryBody[];
}

export interface AuditEntryBody {
  readonly time: string;
  readonly action: string;
  /** The name of a token; `wsgate` for what ended by itself. */
  readonly by: string;
  readonly pod?: string;
  readonly proxy?: string;
  readonly lease?: string;
  readonly reason?: string;
  readonly connections?: number;
  readonly rate?: number;
  readonly asked?: number;
  readonly left?: number;
}

export interface PodsBody {
  readonly time: string;
  /** Connections of all these pods. */
  readonly total: number;
  readonly pods: readonly PodBody[];
}

export interface ServicesBody {
  readonly time: string;
  readonly services: readonly ServiceBody[];
}

/** A set of pods among which gates choose. */
export interface ServiceBody {
  readonly service: string;
  readonly connections: number;
  /** Of the pods that take new connections: what they may have, and how many more they take. */
  readonly limit: number;
  readonly free: number;
  /** The number of its pods, of which `pods` may be a part. */
  readonly size: number;
  readonly pods: readonly ServicePodBody[];
}

export interface ServicePodBody {
  readonly pod: string;
  /** As Kubernetes names it. Null: it is not known. */
  readonly name: string | null;
  readonly zone: string | null;
  /** `leaving`: none of the service any more, with connections. `avoided`: it refused one. */
  readonly state: 'ready' | 'avoided' | 'cordoned' | 'leaving';
  readonly connections: number;
  readonly limit: number;
  readonly free: number;
}

/** Who holds a slot. Null: not known. */
export interface ConnectionBody {
  readonly lease: string;
  readonly proxy: string;
  readonly since: string | null;
  /** As Envoy trusts it (X-Forwarded-For, PROXY protocol); the direct peer where Envoy tells no other. */
  readonly client: string | null;
  /** The other end of Envoy's connection. */
  readonly peer: string | null;
  readonly path: string | null;
  readonly state: string | null;
  /** A gate has held a stream for it, and perhaps does: without one, nobody can close it from here. */
  readonly held: boolean;
}

export interface ConnectionsBody {
  readonly pod: string;
  readonly connections: readonly ConnectionBody[];
  /** The cursor of the next page; null on the last one. */
  readonly next: string | null;
}

export interface CloseBody {
  readonly closed: boolean;
  /** Where it was not: what stood in the way. */
  readonly why?: string;
}

/** Many connections that are asked to close. */
export interface CrowdClosingBody {
  /** How many are closed from now on. */
  readonly asked: number;
  /** How long it takes, at this pace. */
  readonly seconds: number;
  /** How many others match, and stay open: no stream was ever held for them. */
  readonly unheld: number;
}

export interface ReleaseBody extends CloseBody {
  /** Whether there was a slot to free. */
  readonly released: boolean;
}

/** How the leases of a proxy are kept, all gates together. */
export interface ProxyBody {
  readonly proxy: string;
  readonly connections: number;
  /** By a stream that a gate has open for each. */
  readonly held: number;
  /** By its access log. Null: not known yet. */
  readonly renewed: number | null;
  /** By nothing: nobody has spoken of them for a ttl. Null: not known yet. */
  readonly unrenewed: number | null;
}

export interface ProxiesBody {
  readonly time: string;
  /** Those with the most connections first; at most 1,000. */
  readonly proxies: readonly ProxyBody[];
}

/** Null: it has not told, because it is older than this, or has just come. */
export interface GateBody {
  readonly name: string;
  readonly version: string | null;
  /** The version of its Node. */
  readonly node: string | null;
  /** By its own clock. */
  readonly started_at: string | null;
  /** Its heartbeat has stopped although it did not leave. */
  readonly silent: boolean;
  /** Its last heartbeat, by the store's clock. */
  readonly last_seen: string;
}

export interface GatesBody {
  readonly time: string;
  /** By name; at most 1,000. */
  readonly gates: readonly GateBody[];
}

export interface HistoryBody {
  /** Of the latest count, and of the first. */
  readonly time: string;
  readonly since: string;
  readonly stepSeconds: number;
  /** Counts, oldest first; null where nobody knows. */
  readonly pods: Readonly<Record<string, readonly (number | null)[]>>;
  /** Connections a second of the whole fleet, on average over the step that ends then; null where nobody knows. */
  readonly rates: Readonly<Record<'admitted' | 'denied' | 'released', readonly (number | null)[]>>;
}

/** Events that one request may ask for. */
export const EVENTS_MAX = 1000;

export interface EventsBody {
  /** Oldest first. */
  readonly events: readonly CloudEvent[];
}

/** Of `/readyz`. */
export interface ReadinessBody {
  readonly ready: boolean;
  /** How each part is, in words: `store`, `upgrades`, `gate`, `proxies`. */
  readonly checks: Readonly<Record<string, string>>;
  /** How long the store is not trusted still, because it may have lost leases; null when it does not recover. */
  readonly recoverySeconds: number | null;
}

export interface TicketBody {
  readonly ticket: string;
  readonly expires: string;
}

export interface AcceptedBody {
  readonly accepted: number;
}
