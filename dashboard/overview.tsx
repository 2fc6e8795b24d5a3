/** The fleet on a page. */

import type { Api } from './api.ts';
import type { View } from './fleet.ts';
import { PodsTable } from './pods-table.tsx';

export function Overview({ api: _api, view: { figures } }: { api: Api; view: View }) {
  return (
    <>
      <h1 class="hidden">Pods</h1>
      {figures && <PodsTable pods={figures.pods} />}
    </>
  );
}
