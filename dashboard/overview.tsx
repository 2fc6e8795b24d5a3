/** The fleet on a page. */

import type { Api } from '../src/client/api.ts';
import { Events } from './events.tsx';
import type { View } from './fleet.ts';
import { GatesTable } from './gates-table.tsx';
import { KeptTable } from './kept-table.tsx';
import { PodsTable } from './pods-table.tsx';
import { ProxiesTable } from './proxies-table.tsx';
import { RatesChart } from './rates-chart.tsx';
import { ServicesTable } from './services-table.tsx';
import { Totals } from './totals.tsx';

const EVENTS_SHOWN = 50;

export function Overview({ api, view: { figures, rates, events } }: { api: Api; view: View }) {
  return (
    <div class="overview">
      <h1 class="hidden" tabIndex={-1}>
        The fleet
      </h1>
      {figures ? (
        <div>
          <Totals totals={figures.totals} />
          <ServicesTable api={api} figures={figures} change={`${figures.timestamp} ${events.at(-1)?.key}`} />
          <PodsTable api={api} figures={figures} />
          <ProxiesTable figures={figures} />
          <KeptTable api={api} change={figures.timestamp} />
          <GatesTable api={api} change={figures.timestamp} />
        </div>
      ) : (
        <p class="quiet">The gate has not told its figures yet.</p>
      )}
      <div>
        <RatesChart points={rates} />
        <Events items={events} max={EVENTS_SHOWN} level={2} />
      </div>
    </div>
  );
}
