/** A long list, a page at a time. */

import { useState } from 'preact/hooks';

export const PAGE_SIZES = [25, 50, 100] as const;

export interface Pages {
  /** Of the first one that is shown, from 0. */
  readonly start: number;
  /** One more than that of the last one. */
  readonly end: number;
  readonly length: number;
  readonly size: number;
  readonly goTo: (start: number) => void;
  readonly resize: (size: number) => void;
}

/** `subject`: what is listed, and in which order. When that differs, the first page is shown. */
export function usePages(length: number, subject: string): Pages {
  const [size, setSize] = useState<number>(PAGE_SIZES[0]);
  const [asked, setAsked] = useState({ start: 0, subject });
  const wanted = asked.subject === subject ? asked.start : 0;
  // The list may have become shorter: then its last page is shown.
  const start = Math.max(0, Math.min(wanted, Math.floor((length - 1) / size) * size));
  return {
    start,
    end: Math.min(start + size, length),
    length,
    size,
    goTo: (to) => setAsked({ start: Math.max(0, to), subject }),
    resize: (to) => {
      setSize(to);
      setAsked({ start: Math.floor(start / to) * to, subject });
    },
  };
}
