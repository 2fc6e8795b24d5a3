/**
 * How full each pod is, and how that has changed since the last look.
 *
 * A pod leaves a level only a twentieth of its limit below where it entered it: a pod at the edge would otherwise cause
 * an event with each connection. One that is cordoned is not full: somebody wants no new connections there.
 */

import type { FleetSnapshot } from '../../fleet/fleet-view.ts';
import type { DomainEvent } from '../events/domain-event.ts';
import type { Level } from '../protocol.ts';

/** By pod. Gates share them, so that the next gate to look knows what has been told. */
export type Levels = Readonly<Record<string, { readonly level: Level; readonly limit: number }>>;

const SLACK = 0.05;

export function levelsOf(pods: FleetSnapshot['pods'], before: Levels, fillingShare: number): Levels {
  return Object.fromEntries(
    pods.map(({ pod, connections, limit, isCordoned }) => {
      const known = before[pod]?.level ?? 'normal';
      const level = isCordoned ? 'normal' : levelOf(connections, limit, known, fillingShare);
      return [pod, { level, limit }];
    }),
  );
}

/** The events that are worth telling. `before` is empty when nobody has looked yet. */
export function changesOf(pods: FleetSnapshot['pods'], before: Levels, now: Levels): DomainEvent[] {
  return pods.flatMap(({ pod, connections, limit }): DomainEvent[] => {
    const [was, is] = [before[pod], now[pod]];
    const about = { subject: `pod/${pod}` };
    const labels = { pod };
    const events: DomainEvent[] = [];
    if (was && was.limit !== limit) {
      events.push({ type: 'limit.changed', ...about, data: { labels, limit, limit_before: was.limit } });
    }
    const type = is && typeOf(was?.level ?? 'normal', is.level);
    if (type) events.push({ type, ...about, data: { state: is.level, labels, connections, limit } });
    return events;
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
