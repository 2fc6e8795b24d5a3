/** One event, or a gap between events. */

import type { Item } from '../src/client/index.ts';
import { podOf } from './event-log.ts';
import { eventText } from './event-text.ts';
import { hrefOf } from './route.ts';
import { clockTime } from './time.ts';

export function EventRow({ item }: { item: Item }) {
  if (item.kind === 'lagged') return <li class="gap">{item.missed} events are missing: they came too fast</li>;
  if (item.kind === 'resync') return <li class="gap">events may be missing: {item.reason}</li>;
  const { event } = item;
  const pod = podOf(event);
  // Posted text may hold letters that turn the line around: each part is kept to itself.
  return (
    <li class={event.severity}>
      <time dateTime={event.time}>{clockTime(event.time)}</time> <bdi class="type">{event.type}</bdi>{' '}
      {pod !== undefined && (
        <a href={hrefOf({ view: 'pod', pod })}>
          <bdi>{pod}</bdi>
        </a>
      )}{' '}
      <bdi class="detail">{eventText(event)}</bdi>
    </li>
  );
}
