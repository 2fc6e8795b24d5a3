/** Who holds what: proxies × pods, with totals. */

import type { Snapshot } from '../src/hub/protocol.ts';
import { CutName } from './cut-name.tsx';
import { fold } from './fold.ts';
import { hrefOf } from './route.ts';
import { Scroll } from './scroll.tsx';

export function ProxiesTable({ figures }: { figures: Snapshot }) {
  const { pods, otherPods, rows, otherProxies, others, totals } = fold(figures);
  const shown = otherProxies > 0 ? [...rows, { ...others, name: `${otherProxies} others` }] : rows;
  return (
    <Scroll label="Proxies and pods">
      <table class="figures">
        <caption>Proxies and pods</caption>
        <thead>
          <tr>
            <th scope="col">Proxy</th>
            {pods.map((pod) => (
              <th scope="col" key={pod} class="cut">
                <a href={hrefOf({ view: 'pod', pod })}>
                  <CutName name={pod} />
                </a>
              </th>
            ))}
            {otherPods > 0 && <th scope="col">{otherPods} others</th>}
            <th scope="col">Total</th>
          </tr>
        </thead>
        <tbody>
          {[...shown, totals].map(({ name, cells, total }) => (
            <tr key={name} class={name === totals.name ? 'total' : ''}>
              <th scope="row" class="cut">
                <CutName name={name} />
              </th>
              {cells.map((held, column) => (
                <td key={pods[column] ?? 'others'} class={held === 0 ? 'none' : ''}>
                  {held.toLocaleString()}
                </td>
              ))}
              <td>{total.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
