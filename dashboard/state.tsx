/** Gates, proxies, the store, in a line; and by name which of them somebody should look after. */

import type { View } from './fleet.ts';

export function State({ view: { figures, degraded } }: { view: View }) {
  return (
    <p role="status" aria-label="State" class="state">
      {figures ? (
        <>
          <span>
            gates <b>{figures.gates}</b>
          </span>
          <span>
            proxies <b>{figures.totals.proxies}</b>
          </span>
          <span class={`store ${figures.store}`}>
            store <b>{figures.store}</b>
          </span>
          {figures.silent_gates.map((gate) => (
            <span key={gate} class="warning">
              gate {gate} is silent
            </span>
          ))}
          {figures.unrenewed_proxies.map((proxy) => (
            <span key={proxy} class="warning">
              {proxy} does not renew its connections
            </span>
          ))}
          {figures.unlogged_proxies.map((proxy) => (
            <span key={proxy} class="warning">
              {proxy} sends no access log
            </span>
          ))}
          {degraded && <span class="warning">only events of this gate come</span>}
        </>
      ) : (
        <span>connecting</span>
      )}
    </p>
  );
}
