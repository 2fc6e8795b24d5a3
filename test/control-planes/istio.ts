/** What istiod makes of deploy/kubernetes/istio, for a `Fleet` of this machine. */

import type { Render } from '../../lab/fleet/envoy.ts';
import { asStatic } from './as-static.ts';
import { type Rendered, stored } from './recipes.ts';

/** As it was rendered last, or anew. `patience`: null for what the recipe says. */
export function istio(rendered: Rendered = stored('istio'), patience: string | null = '5s'): Render {
  let envoys = 0;
  return (edge) => {
    envoys += 1;
    return asStatic(rendered, edge, {
      listener: '0.0.0.0_80',
      podOf: (cluster) => /^outbound\|8080\|\|([^.]+)\./.exec(cluster)?.[1],
      gates: /^outbound\|7070\|\|wsgate\./,
      foreign: FOREIGN,
      address: `127.0.2.${envoys}`,
      ...(patience === null ? {} : { patience }),
    });
  };
}

/** Istio's own filters, of its own build of Envoy: they write metrics and tell peers who one is. */
export const FOREIGN = /istio|metadataexchange/;
