import type { Claims } from '../../src/admission/claims.ts';
import type { PodId } from '../../src/admission/ids.ts';

/** The claims of an upgrade to a pod that has this limit. */
export function claims(pod: PodId, limit: number): Claims {
  return [{ kind: 'pod', pod, limit }];
}
