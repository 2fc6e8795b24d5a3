/** The last hour of the pods that are shown: read when others are shown, and for each of its steps. */

import { useEffect, useState } from 'preact/hooks';
import type { Api } from './api.ts';
import { usePaced } from './use-paced.ts';

export type Counts = readonly (number | null)[];

/** Rows may change places more often. */
const READ_EVERY_MS = 2000;
const STEP_S = 30;
const HOUR_S = 3600;

export function useHistory(api: Api, names: readonly string[]): Readonly<Record<string, Counts>> {
  const [step, setStep] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setStep((before) => before + 1), STEP_S * 1000);
    return () => clearInterval(timer);
  }, []);

  const asked = api.named(names); // the others have no line
  const isMade = asked.length > 0;
  const { value } = usePaced(READ_EVERY_MS, String(isMade), `${step} ${[...asked].sort().join()}`, async () => {
    if (!isMade) return {};
    const { stepSeconds, pods } = await api.history(asked);
    const length = Math.ceil(HOUR_S / stepSeconds);
    return Object.fromEntries(Object.entries(pods).map(([pod, counts]) => [pod, wholeHour(counts, length)]));
  });
  return value ?? {};
}

/** A gate that has just started knows less. */
function wholeHour(counts: Counts, length: number): Counts {
  return [...Array<null>(Math.max(0, length - counts.length)).fill(null), ...counts];
}
