/** Something read from the gate: at once, and anew when it may have changed, at most so often. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { Paced } from './paced.ts';

/**
 * What `read` last told; undefined before that, and after it failed.
 *
 * `subject`: what it is about. When that differs, what was read is forgotten, and `read` asked at once.
 * `change`: differs when it is to be read anew.
 */
export function usePaced<T>(everyMs: number, subject: string, change: unknown, read: () => Promise<T>): Told<T> {
  const [told, setTold] = useState<Told<T> & { subject?: string }>({});
  const latest = useRef(read);
  latest.current = read;
  const paced = useRef<Paced>(undefined);

  useEffect(() => {
    let isLeft = false;
    const work = new Paced(everyMs, async () => {
      const now = await latest.current().then(
        (value): Told<T> => ({ value }),
        (error): Told<T> => ({ problem: error instanceof Error ? error.message : String(error) }),
      );
      if (!isLeft) setTold({ ...now, subject });
    });
    paced.current = work;
    return () => {
      isLeft = true;
      work.close();
    };
  }, [everyMs, subject]);
  useEffect(() => paced.current?.ask(), [everyMs, subject, change]);

  return told.subject === subject ? told : {};
}

export interface Told<T> {
  readonly value?: T;
  readonly problem?: string;
}
