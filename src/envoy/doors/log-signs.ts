/** What one log stream shows of its Envoy's configuration: what only a missing or a wrong line of it explains. */

import { isPod, type ProxyId, proxyOf, serviceOf, type Where } from '../../admission/ids.ts';
import type { DenialReason } from '../../admission/verdict.ts';
import { type Complaint, type Complaints, hostOf } from '../complaints.ts';
import type { HttpAccessLogEntry } from '../messages.ts';
import type { Namesakes } from '../namesakes.ts';
import type { PodClusters } from '../pod-clusters.ts';
import { stringField } from '../struct.ts';
import { type Entry, gateMetadata, isHiddenUpgrade } from './log-entry.ts';
import { shownPath } from './request.ts';

/**
 * A connection that began so long after its Envoy was first heard: by then the Envoy knew that a gate is there, and would
 * have asked it.
 */
const ASKS_BY_MS = 5000;

interface Speaker {
  readonly proxy: ProxyId;
  /** Its `--service-node`. */
  readonly node: string | undefined;
  readonly peer: string;
  /** Whether Checks have to send the metadata of the route. */
  readonly needsRoute: boolean;
}

interface SignParts {
  readonly complaints: Complaints;
  readonly namesakes: Namesakes;
  readonly clusters: PodClusters;
}

export class LogSigns {
  readonly #complaints: Complaints;
  readonly #namesakes: Namesakes;
  readonly #clusters: PodClusters;
  readonly #speaker: Speaker;
  readonly #host: string;
  /** Only to be compared with the Envoy's clock, which may be another one: then a complaint comes sooner or later. */
  readonly #asksFromMs = Date.now() + ASKS_BY_MS;

  /** To be made when the stream begins. */
  constructor({ complaints, namesakes, clusters }: SignParts, speaker: Speaker) {
    this.#complaints = complaints;
    this.#namesakes = namesakes;
    this.#clusters = clusters;
    this.#speaker = speaker;
    this.#host = hostOf(speaker.peer);
  }

  /** A message has come. */
  came(): void {
    const { proxy, node } = this.#speaker;
    this.#namesakes.heard('address of its log', proxy, this.#host);
    if (node) this.#namesakes.heard('node id of its log', proxy, node);
  }

  entry(logEntry: HttpAccessLogEntry, entry: Entry): void {
    const { proxy, peer, needsRoute } = this.#speaker;
    const say = (what: Complaint, more: object = {}) => {
      const { path, authority: host } = logEntry.request ?? {};
      this.#complaints.say(what, proxy, { ...more, path: shownPath(path), host, peer });
    };
    const pod = logEntry.commonProperties?.customTags?.pod;
    if (entry.kind === 'ignored') {
      // A gate could not tell the pod of the upgrade, and the route names it.
      if (needsRoute && pod && wasDenied(logEntry, 'POD_UNKNOWN')) say('no namespaces', { pod });
    } else if (entry.kind !== 'malformed') {
      const checks = proxyOf(entry.lease);
      if (checks !== proxy) say('two names', { accessLog: proxy, checks });
      if (entry.movedFrom !== undefined) {
        if (!entry.obeyed)
          say(serviceOf(entry.pod) ? 'not obeyed' : 'rerouted', { from: entry.movedFrom, pod: entry.pod });
      }
      const clusters = this.#clustersOf(logEntry, entry.pod);
      if (clusters) say('split pod', { pod: entry.pod, clusters });
      if (isHiddenUpgrade(logEntry)) say('hidden upgrades');
      if (entry.unasked && beganMs(logEntry) > this.#asksFromMs) say('never asked', { pod: entry.pod });
    }
  }

  /** Several, if new connections of the pod go to several. */
  #clustersOf(logEntry: HttpAccessLogEntry, pod: Where): readonly string[] | undefined {
    const { accessLogType, upstreamCluster } = logEntry.commonProperties ?? {};
    if (!isPod(pod) || !upstreamCluster || accessLogType === 'DownstreamPeriodic') return undefined;
    return this.#clusters.went(this.#speaker.proxy, pod, upstreamCluster, beganMs(logEntry));
  }
}

function wasDenied(entry: HttpAccessLogEntry, reason: DenialReason): boolean {
  return stringField(gateMetadata(entry), 'denied') === reason;
}

function beganMs({ commonProperties }: HttpAccessLogEntry): number {
  const { seconds = '0', nanos = 0 } = commonProperties?.startTime ?? {};
  return Number(seconds) * 1000 + nanos / 1e6;
}
