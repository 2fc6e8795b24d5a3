/** Pods by a part of their name. The figures list the fullest ones; of a larger fleet the gate finds the rest. */

import { useEffect, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import type { PodFigures } from './merge.ts';

const FOUND_MAX = 100;
/** People type faster than gates should be asked. */
const TYPED_MS = 250;

export function useFoundPods(api: Api, figures: Snapshot, text: string): readonly PodFigures[] {
  const [found, setFound] = useState<readonly PodFigures[]>([]);
  const isAllListed = figures.pods.length >= figures.totals.pods;
  const isAsked = text !== '' && !isAllListed;

  // Read anew with the figures: what was found has to be as new as they are.
  useEffect(() => {
    if (!isAsked) return setFound([]);
    let left = false;
    const timer = setTimeout(async () => {
      const { pods } = await api.find(text, FOUND_MAX).catch(() => ({ pods: [] }));
      if (!left) setFound(pods.map((pod) => ({ ...pod, level: 'normal' })));
    }, TYPED_MS);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [api, isAsked, text, figures.timestamp]);

  if (text === '') return figures.pods;
  const listed = figures.pods.filter(({ pod }) => pod.includes(text));
  const names = new Set(listed.map(({ pod }) => pod));
  return [...listed, ...found.filter(({ pod }) => !names.has(pod) && pod.includes(text))];
}
