/** The head of a column by which a table can be sorted. */

import type { PodColumn, PodOrder } from './pod-order.ts';

interface SortHeaderProps {
  readonly name: string;
  readonly column: PodColumn;
  readonly order: PodOrder;
  readonly sort: (by: PodColumn) => void;
  readonly class: string;
}

export function SortHeader({ name, column, order, sort, class: className }: SortHeaderProps) {
  const isSorted = order.by === column;
  const direction = order.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={className} aria-sort={isSorted ? direction : undefined}>
      <button type="button" class="sort" onClick={() => sort(column)}>
        {name}
        <span aria-hidden="true">{isSorted ? (order.descending ? ' ▼' : ' ▲') : ''}</span>
      </button>
    </th>
  );
}
