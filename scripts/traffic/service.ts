/**
 * The scenario `service`: WebSockets to the playground's service fill its pods evenly, a pod that is added is filled before
 * the others, and when one is killed its clients come again and get in elsewhere.
 */

import type { Client, Outcome } from '../../lab/fleet/clients.ts';
import { until } from '../../lab/fleet/processes.ts';
import { Api } from '../../src/client/api.ts';
import type { ServicePodBody } from '../../src/http/bodies.ts';
import { CHAT_PORTS, writeChat } from '../chat.ts';

const SERVICE = 'chat';
const PODS_BEFORE = 3;
/** WebSockets that are opened at first, and once there is another pod. */
const FIRST = 30;
const MORE = 30;
/** Who is refused by a pod that has just died comes again. */
const ROUNDS_MAX = 3;
/** How long the pod that is killed stays away. */
const DEAD_MS = 15_000;
/** Within that, the gate has read its file, and its figures are no older than a second. */
const DEADLINE_MS = 10_000;

interface Driver {
  /** The gate's HTTP address. */
  readonly metrics: string;
  /** Opens so many, over all proxies. */
  readonly open: (count: number) => Promise<Outcome>;
  readonly interrupt: AbortSignal;
  readonly say: (text: string) => void;
}

/** Returns whether all was as expected. The WebSockets that it opens stay in `opened`. */
export async function serviceScenario({ metrics, open, interrupt, say }: Driver, opened: Client[]): Promise<boolean> {
  const api = new Api({ url: metrics });
  const pods = async () => {
    const { services } = await api.services(CHAT_PORTS.length);
    return services.find(({ service }) => service === SERVICE)?.pods ?? [];
  };
  let shown: readonly ServicePodBody[] = [];
  let allRight = true;
  const expect = async (what: string, isSo: (pods: readonly ServicePodBody[]) => boolean) => {
    if (interrupt.aborted) return;
    const check = async () => {
      shown = await pods();
      return isSo(shown);
    };
    const right = await until(what, check, DEADLINE_MS).then(
      () => true,
      () => false,
    );
    allRight &&= right;
    say(`${what}: ${right ? 'yes' : 'NO'}\n${shown.map(bar).join('\n')}\n`);
  };
  const fill = async (count: number) => {
    let left = count;
    for (let round = 1; round <= ROUNDS_MAX && left > 0 && !interrupt.aborted; round += 1) {
      const outcome = await open(left);
      opened.push(...outcome.opened);
      say(`Opened ${outcome.opened.length} of ${left}.${round > 1 ? ' They had come again.' : ''}`);
      if (outcome.refused.length > 0)
        say(`  ${outcome.refused.map(({ status, body }) => `${status} ${body}`).join('\n  ')}`);
      left -= outcome.opened.length;
    }
    allRight &&= left === 0;
  };
  try {
    writeChat(PODS_BEFORE);
    await until('all pods listen', everybodyListens, DEAD_MS + DEADLINE_MS); // one may have been killed a moment ago
    await expect(`the service has ${PODS_BEFORE} pods, with nobody`, (all) => {
      return (
        all.length === PODS_BEFORE && all.every(({ state, connections }) => state === 'ready' && connections === 0)
      );
    });
    await fill(FIRST);
    await expect(`${FIRST / PODS_BEFORE} each`, (all) => countsOf(all).every((count) => count === FIRST / PODS_BEFORE));

    writeChat(PODS_BEFORE + 1);
    await expect('a pod is added', (all) => ready(all).length === PODS_BEFORE + 1);
    await fill(MORE);
    const each = (FIRST + MORE) / (PODS_BEFORE + 1);
    await expect(`the new one was filled first: ${each} each`, (all) => countsOf(all).every((count) => count === each));

    const [killed] = CHAT_PORTS;
    await fetch(`http://127.0.0.1:${killed}/?die=${DEAD_MS}`);
    const isDead = ({ pod }: ServicePodBody) => pod.endsWith(`:${killed}`);
    await expect('a pod is killed, and its slots are free', (all) =>
      all.some((pod) => isDead(pod) && pod.connections === 0),
    );
    await fill(each);
    await expect('the others have its clients', (all) => {
      const sum = countsOf(all).reduce((a, b) => a + b, 0);
      return sum === FIRST + MORE && all.every((pod) => !isDead(pod) || pod.connections === 0);
    });
    return allRight;
  } finally {
    writeChat(PODS_BEFORE);
  }
}

async function everybodyListens(): Promise<boolean> {
  const answers = CHAT_PORTS.map((port) => fetch(`http://127.0.0.1:${port}/`).then(Boolean, () => false));
  return (await Promise.all(answers)).every(Boolean);
}

function ready(pods: readonly ServicePodBody[]): readonly ServicePodBody[] {
  return pods.filter(({ state }) => state !== 'leaving');
}

function countsOf(pods: readonly ServicePodBody[]): number[] {
  return pods.map(({ connections }) => connections);
}

function bar({ pod, connections, limit, state }: ServicePodBody): string {
  const filled = '█'.repeat(connections).padEnd(limit, '·');
  return `  ${pod}  ${filled}  ${connections} of ${limit}${state === 'ready' ? '' : `, ${state}`}`;
}
