/**
 * How full each pod is, and what has become of that since it was last looked at.
 *
 * A level is left a twentieth of the limit below where it was entered, so that a pod on the edge is not told of with
 * each connection.
 */

import type { FleetSnapshot } from '../../fleet/fleet-view.ts';
import type { Happening } from '../own-event.ts';
import type { Level } from '../protocol.ts';

/** By pod. What gates tell each other, so that the next one to look knows what has been told. */
export type Levels = Readonly<Record<string, { readonly level: Level; readonly limit: number }>>;

const SLACK = 0.05;

export function levelsOf(pods: FleetSnapshot['pods'], before: Levels, fillingShare: number): Levels {
  return Object.fromEntries(
    pods.map(({ pod, connections, limit }) => {
      const known = before[pod]?.level ?? 'normal';
      return [pod, { level: levelOf(connections, limit, known, fillingShare), limit }];
    }),
  );
}

/** What is worth telling. `before` is empty when nobody has looked yet. */
export function changesOf(pods: FleetSnapshot['pods'], before: Levels, now: Levels): Happening[] {
  return pods.flatMap(({ pod, connections, limit }): Happening[] => {
    const [was, is] = [before[pod], now[pod]];
    const about = { subject: `pod/${pod}` };
    const labels = { pod };
    const happenings: Happening[] = [];
    if (was && was.limit !== limit) {
      happenings.push({ type: 'limit.changed', ...about, data: { labels, limit, limit_before: was.limit } });
    }
    const type = is && typeOf(was?.level ?? 'normal', is.level);
    if (type) happenings.push({ type, ...about, data: { state: is.level, labels, connections, limit } });
    return happenings;
  });
}

function levelOf(connections: number, limit: number, known: Level, fillingShare: number): Level {
  if (connections === 0) return 'normal'; // with a limit of 0, too
  const share = connections / limit;
  const slack = (level: Level) => (known === level ? SLACK : 0);
  if (share >= 1 - slack('saturated')) return 'saturated';
  return share >= fillingShare - (known === 'normal' ? 0 : SLACK) ? 'filling' : 'normal';
}

function typeOf(was: Level, is: Level) {
  if (was === is) return undefined;
  if (is === 'saturated') return 'pod.saturated';
  if (is === 'normal') return 'pod.recovered';
  return was === 'normal' ? 'pod.filling' : undefined; // less full than it was
}
