/** How the leases of each proxy are kept, and what it means where nothing keeps them. */

import type { Api } from '../src/client/api.ts';
import type { ProxiesBody, ProxyBody } from '../src/http/bodies.ts';
import { CutName } from './cut-name.tsx';
import { Scroll } from './scroll.tsx';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 5000;
const ROWS_MAX = 12;

/** `change`: differs when the fleet may have changed. */
export function KeptTable({ api, change }: { api: Api; change: string }) {
  const { value } = usePaced<ProxiesBody>(READ_EVERY_MS, '', change, () => api.proxies());
  if (!value || value.proxies.length === 0) return null;
  const rows = value.proxies.toSorted((a, b) => (b.unrenewed ?? 0) - (a.unrenewed ?? 0)).slice(0, ROWS_MAX);
  const others = value.proxies.length - rows.length;
  return (
    <>
      <Scroll label="What keeps the slots">
        <table class="figures">
          <caption>What keeps the slots</caption>
          <thead>
            <tr>
              <th scope="col">Proxy</th>
              <th scope="col">Held stream</th>
              <th scope="col">Access log</th>
              <th scope="col">Nothing</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.proxy} {...row} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {others > 0 && <p class="quiet">and {others} other proxies</p>}
      {rows.some(({ unrenewed }) => unrenewed) && (
        <p role="status" aria-label="Unrenewed">
          Nobody tells whether connections that nothing keeps live on. Their slots stay until their end is heard,
          somebody releases them, or lease.unrenewedMax has passed. docs/envoy-configuration.md has the line that is
          missing.
        </p>
      )}
    </>
  );
}

function Row({ proxy, held, renewed, unrenewed }: ProxyBody) {
  return (
    <tr>
      <th scope="row" class="cut">
        <CutName name={proxy} />
      </th>
      {[held, renewed, unrenewed].map((count, column) => (
        <td key={String(column)} class={count === 0 ? 'none' : ''}>
          {count === null ? '–' : count.toLocaleString()}
        </td>
      ))}
    </tr>
  );
}
