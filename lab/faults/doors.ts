/** The doors that a fleet of the bench can have. Each is a file of envoy/, as it is shipped. */

import type { EdgeFile } from '../fleet/edge.ts';

export type Door = 'log' | 'hold' | 'both';

export const DOORS: Readonly<Record<Door, { readonly file: EdgeFile; readonly what: string }>> = {
  log: { file: 'edge.yaml', what: 'ext_authz decides, the access log tells' },
  hold: { file: 'hold.yaml', what: 'the hold door alone decides and tells' },
  both: { file: 'edge-hold.yaml', what: 'ext_authz decides, the hold door and the access log tell' },
};

export const DOOR_NAMES: readonly Door[] = ['log', 'hold', 'both'];
