/** Which part of a long list is shown, and ways to the others. */

import { PAGE_SIZES, type Pages } from './use-pages.ts';

interface PagerProps {
  readonly pages: Pages;
  /** What all of them are: `of 1,000`. */
  readonly of: string;
}

export function Pager({ pages: { start, end, length, size, goTo, resize }, of }: PagerProps) {
  const isOnePage = start === 0 && end === length;
  return (
    <p class="more">
      <span role="status" aria-label="Shown pods" class="quiet">
        {length === 0 ? `0 ${of}` : `${start + 1}–${end} ${of}`}
      </span>
      {!isOnePage && (
        <>
          <button type="button" disabled={start === 0} onClick={() => goTo(start - size)}>
            Previous
          </button>
          <button type="button" disabled={end === length} onClick={() => goTo(start + size)}>
            Next
          </button>
        </>
      )}
      {length > PAGE_SIZES[0] && (
        <label>
          Rows{' '}
          <select value={size} onChange={({ currentTarget }) => resize(Number(currentTarget.value))}>
            {PAGE_SIZES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      )}
    </p>
  );
}
