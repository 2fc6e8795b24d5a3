/**
 * Endpoints from the EndpointSlices of Kubernetes: listed, and then watched. What Kubernetes says is believed, also that
 * there is no pod. When it cannot be asked, what was known stays, and all is listed anew until it answers.
 *
 * The client library is large, and loaded only here: a gate without such a service does not pay for it.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { DiscoveryV1Api, V1EndpointSlice, Watch } from '@kubernetes/client-node';
import type { KubernetesConfig } from '../config/services.ts';
import { explain } from '../system-error.ts';
import { within } from '../within.ts';
import { endpointsIn } from './endpoint-slices.ts';
import type { EndpointListener, EndpointSource } from './endpoint-source.ts';

/** How long the API server may take to answer. A watch that is silent for 30 s is begun anew, by the library. */
const ANSWER_MS = 10_000;
/** Until all is listed anew: this, and twice as long each time. */
const AGAIN_MIN_MS = 500;
const AGAIN_MAX_MS = 30_000;
/** A pod that moves to another slice is for a moment in none. */
const SETTLE_MS = 50;

/** What the watch would go on from is not there any more. */
const GONE = 410;

interface Client {
  readonly api: DiscoveryV1Api;
  readonly watch: Watch;
}

export class KubernetesSource implements EndpointSource {
  readonly #config: KubernetesConfig;
  readonly #which: { readonly namespace: string; readonly labelSelector: string };
  readonly #listener: EndpointListener;
  readonly #stopping = new AbortController();
  readonly #stopped: Promise<never>;
  /** By name. */
  #slices = new Map<string, V1EndpointSlice>();
  /** Whether a watch stands: then `slices` are what there is. */
  #stands = false;
  #againMs = AGAIN_MIN_MS;
  #settling: NodeJS.Timeout | undefined;

  constructor(config: KubernetesConfig, listener: EndpointListener) {
    this.#config = config;
    this.#which = whichSlices(config);
    this.#listener = listener;
    this.#stopped = new Promise((_, reject) => this.#stopping.signal.addEventListener('abort', reject));
    this.#stopped.catch(() => {}); // nobody may be waiting
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#settling);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let client: Client | undefined;
    while (!signal.aborted) {
      try {
        client ??= await this.#open();
        await this.#follow(client);
      } catch (error) {
        this.#stands = false;
        if (!signal.aborted && codeOf(error) !== GONE) {
          this.#listener.unread(`the API server of Kubernetes: ${reasonOf(error)}`);
        }
      }
      const againMs = this.#againMs * (0.5 + Math.random() / 2);
      this.#againMs = Math.min(2 * this.#againMs, AGAIN_MAX_MS);
      await pause(againMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #open(): Promise<Client> {
    const { DiscoveryV1Api, KubeConfig, Watch } = await import('@kubernetes/client-node');
    const { kubeconfig } = this.#config;
    const config = new KubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new Error(`cannot read ${kubeconfig ?? 'the default kubeconfig'}: ${explain(error)}`);
    }
    return { api: config.makeApiClient(DiscoveryV1Api), watch: new Watch(config) };
  }

  /** Rejects when Kubernetes could not be asked. */
  async #follow({ api, watch }: Client): Promise<void> {
    const list = await this.#answered(api.listNamespacedEndpointSlice(this.#which));
    this.#slices = new Map(list.items.map((slice) => [slice.metadata?.name ?? '', slice]));
    let version = list.metadata?.resourceVersion ?? '';
    while (!this.#stopping.signal.aborted) version = await this.#watch(watch, version);
  }

  /** Resolves with the version that it has come to when the API server ends the watch, which it does every few minutes. */
  async #watch(watch: Watch, since: string): Promise<string> {
    const { namespace, labelSelector } = this.#which;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const { promise: ended, resolve, reject } = Promise.withResolvers<string>();
    let version = since;
    const event = (kind: string, slice: V1EndpointSlice) => {
      if (this.#stopping.signal.aborted) return;
      if (kind === 'ERROR') return reject(slice); // a Status
      version = slice.metadata?.resourceVersion ?? version;
      if (kind !== 'BOOKMARK') this.#note(kind, slice);
    };
    const done = (error: unknown) => (error && !isSilence(error) ? reject(error) : resolve(version));
    const query = { labelSelector, resourceVersion: since, allowWatchBookmarks: true };
    const asked = watch.watch(path, query, event, done);
    const end = () =>
      void asked.then(
        (call) => call.abort(),
        () => {},
      );
    this.#stopping.signal.addEventListener('abort', end);
    try {
      await Promise.race([this.#answered(asked), ended]);
      this.#stand();
      return await ended;
    } finally {
      this.#stopping.signal.removeEventListener('abort', end);
      end();
    }
  }

  /** Rejects when it takes too long, or when this source is stopped. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    if (await within(ANSWER_MS, Promise.race([answer, this.#stopped]))) return answer;
    throw new Error(`no answer within ${ANSWER_MS / 1000} s`);
  }

  #note(kind: string, slice: V1EndpointSlice): void {
    const name = slice.metadata?.name ?? '';
    if (kind === 'DELETED') this.#slices.delete(name);
    else this.#slices.set(name, slice);
    if (this.#stands) this.#settling ??= setTimeout(() => this.#tell(), SETTLE_MS);
  }

  #stand(): void {
    if (this.#stands) return;
    this.#stands = true;
    this.#againMs = AGAIN_MIN_MS;
    this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    if (!this.#stands) return;
    const found = endpointsIn([...this.#slices.values()], this.#config.port);
    if (typeof found === 'string') this.#listener.unread(found);
    else this.#listener.endpoints(found);
  }
}

/** Kubernetes labels the slices of a Service with its name, and with the Service's own labels. */
function whichSlices({ service, namespace = '', selector = '' }: KubernetesConfig) {
  if (service === undefined) return { namespace, labelSelector: selector };
  const [ofService = '', name = ''] = service.split('/');
  return { namespace: ofService, labelSelector: `kubernetes.io/service-name=${name}` };
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** Of an answer to a list, of one to a watch, or of a Status that a watch tells. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = 'code' in error ? error.code : 'statusCode' in error ? error.statusCode : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** The library's own message of a refusal holds all headers of the answer. */
function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 401 || code === 403) return `it answers ${code}. Expected: the right to list and watch endpointslices`;
  if (code !== undefined) return `it answers ${code}`;
  return explain(error instanceof Error ? (error.cause ?? error) : error);
}
