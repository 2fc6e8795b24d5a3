/** A pod that is not among those that the figures list: a gate lists the 1,000 fullest of those that it knows. */

import type { Api } from '../src/client/api.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import type { PodFigures } from './merge.ts';
import { usePaced } from './use-paced.ts';

export interface UnlistedPod extends PodFigures {
  /** Whether it had a connection within the last hour, or the configuration names it. */
  readonly isKnown: boolean;
}

const READ_EVERY_MS = 1000;
/** Of pods with its name in theirs. */
const FOUND_MAX = 1000;

/** `change`: when it is read again. Without `figures` it is not read. */
export function useUnlistedPod(api: Api, name: string, figures: Snapshot | undefined, change: string) {
  const isAsked = figures !== undefined;
  const { value } = usePaced(READ_EVERY_MS, `${name} ${isAsked}`, change, () => read(api, name, figures));
  return value;
}

async function read(api: Api, name: string, figures: Snapshot | undefined): Promise<UnlistedPod | undefined> {
  if (!figures) return undefined;
  const [pod] = (await api.pods([name])).pods;
  return pod && { ...pod, level: 'normal', isKnown: pod.connections > 0 || (await isFound(api, name, figures)) };
}

async function isFound(api: Api, name: string, { pods, totals }: Snapshot): Promise<boolean> {
  if (pods.length >= totals.pods) return false;
  return (await api.find(name, FOUND_MAX)).pods.some(({ pod }) => pod === name);
}
