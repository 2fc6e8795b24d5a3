/**
 * The clusters to which an Envoy's connections of one pod go. Where new ones go to several, in turn, one name stands for
 * several pods. Where all go to another one from some moment on, its configuration has changed, and nothing is wrong.
 */

import type { PodId, ProxyId } from '../admission/ids.ts';

/** Pods of an Envoy that are kept in mind. Of more, the one that was noted first gives way. */
const PODS_MAX = 10_000;
/** Clusters of a pod that are kept in mind. */
const CLUSTERS_MAX = 8;

interface Known {
  readonly clusters: string[];
  /** That of the connection that began last, and when it began. */
  last: string;
  beganMs: number;
}

export class PodClusters {
  readonly #pods = new Map<string, Known>();

  /** A connection that began then went to this cluster. Returns all that its pod has, if new connections go to several. */
  went(proxy: ProxyId, pod: PodId, cluster: string, beganMs: number): readonly string[] | undefined {
    const key = `${proxy} ${pod}`;
    const known = this.#pods.get(key);
    if (!known) {
      this.#add(key, { clusters: [cluster], last: cluster, beganMs });
      return undefined;
    }
    if (beganMs <= known.beganMs) return undefined; // log streams of several threads overtake each other
    known.beganMs = beganMs;
    if (cluster === known.last) return undefined;
    known.last = cluster;
    if (known.clusters.includes(cluster)) return known.clusters;
    if (known.clusters.length < CLUSTERS_MAX) known.clusters.push(cluster);
    return undefined;
  }

  #add(key: string, known: Known): void {
    const [oldest] = this.#pods.keys();
    if (oldest !== undefined && this.#pods.size >= PODS_MAX) this.#pods.delete(oldest);
    this.#pods.set(key, known);
  }
}
