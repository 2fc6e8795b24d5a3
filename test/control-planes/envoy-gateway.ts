/** What Envoy Gateway makes of deploy/kubernetes/envoy-gateway, for a `Fleet` of this machine. */

import type { Render } from '../../lab/fleet/envoy.ts';
import { asStatic } from './as-static.ts';
import { type Rendered, stored } from './recipes.ts';

/** As it was rendered last, or anew. `patience`: null for what the recipe says. */
export function envoyGateway(rendered: Rendered = stored('envoy-gateway'), patience: string | null = '5s'): Render {
  let envoys = 0;
  return (edge) => {
    envoys += 1;
    return asStatic(rendered, edge, {
      listener: 'default/edge/http',
      podOf: (cluster) => /^httproute\/default\/([^/]+)\//.exec(cluster)?.[1],
      gates: /^(accesslog_als|envoyextensionpolicy\/)/,
      address: `127.0.1.${envoys}`,
      ...(patience === null ? {} : { patience }),
    });
  };
}
