/** The last hour of the pods that are shown: read when others are shown, and for each of its steps. */

import { useEffect, useState } from 'preact/hooks';
import { type Api, named } from '../src/client/api.ts';
import { usePaced } from './use-paced.ts';

export type Counts = readonly (number | null)[];

export interface PodsHistory {
  /** What it spans: less than an hour when the gate has just started. */
  readonly minutes: number;
  readonly pods: Readonly<Record<string, Counts>>;
}

/** Rows may change places more often. */
const READ_EVERY_MS = 2000;
const STEP_S = 30;
const NONE: PodsHistory = { minutes: 60, pods: {} };

export function useHistory(api: Api, names: readonly string[]): PodsHistory {
  const [step, setStep] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setStep((before) => before + 1), STEP_S * 1000);
    return () => clearInterval(timer);
  }, []);

  const asked = named(names); // the others have no line
  const isMade = asked.length > 0;
  const { value } = usePaced(READ_EVERY_MS, String(isMade), `${step} ${[...asked].sort().join()}`, async () => {
    if (!isMade) return NONE;
    const { stepSeconds, pods } = await api.history(asked);
    const length = Math.max(...Object.values(pods).map(({ length }) => length));
    return { minutes: (length * stepSeconds) / 60, pods };
  });
  return value ?? NONE;
}

/** `Last hour`, or how much of it is known. */
export function spanName({ minutes }: Pick<PodsHistory, 'minutes'>): string {
  const whole = Math.max(1, Math.round(minutes));
  if (whole >= 60) return 'Last hour';
  return whole === 1 ? 'Last minute' : `Last ${whole} minutes`;
}
