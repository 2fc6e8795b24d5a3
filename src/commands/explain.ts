/** `wsgate explain`: what would become of an upgrade for a pod, and why. */

import type { LimitBody, PodNowBody, ReadinessBody } from '../http/bodies.ts';
import { wordsOf } from '../http/override-words.ts';
import { command } from './command.ts';
import { Gate, gateOptions, podIn } from './gate.ts';

/** What a gate says of upgrades when its store decides them. */
const BY_STORE = 'decided by the store';

export const explainPod = command(
  {
    usage: `  wsgate explain POD [--url URL] [--json]
                                 what would become of an upgrade for this pod, and why: its count, its limit and where that
                                 comes from, and what decides upgrades now`,
    options: gateOptions,
    argumentsMax: 1,
  },
  async (values, rest, host) => {
    const name = podIn(rest, 'explain');
    const gate = new Gate(values, host);
    const [pod, limit, readiness] = await gate.ask((api) =>
      Promise.all([api.pod(name), api.limit(name), api.readiness()]),
    );
    const { checks } = readiness;
    gate.print({ pod, limit, checks }, ...linesOf(pod, limit, readiness));
    return 0;
  },
);

function linesOf({ pod, connections }: PodNowBody, { limit, configured, overrides }: LimitBody, now: ReadinessBody) {
  const upgrades = now.checks.upgrades ?? '';
  const isCordoned = overrides.some(({ kind }) => kind === 'cordon');
  const outcome = isCordoned
    ? 'refused (429): the pod is cordoned'
    : connections < limit
      ? `let in: there is room for ${limit - connections} more`
      : 'refused (429): the pod is full';
  return [
    upgrades === BY_STORE
      ? `An upgrade for ${pod} would be ${outcome}.`
      : `An upgrade for ${pod} is not decided by the store now: ${upgrades}.`,
    `  connections: ${connections}`,
    `  limit:       ${limit}${overrides.length === 0 ? ', as configured' : ''}`,
    ...overrides.map((each) => `               ${wordsOf(each)} (${each.at})`),
    ...(overrides.length === 0 ? [] : [`               the configuration says ${configured}`]),
    `  store:       ${now.checks.store ?? ''}`,
  ];
}
