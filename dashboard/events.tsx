/** What happens, as it happens: newest first, filtered, and held still on demand. */

import { useMemo, useState } from 'preact/hooks';
import { domainEventTypes } from '../src/hub/events/domain-event.ts';
import type { KeyedItem } from './event-log.ts';
import { podOf } from './event-log.ts';
import { EventRow } from './event-row.tsx';

interface EventsProps {
  readonly items: readonly KeyedItem[];
  /** Of rows at most. */
  readonly max: number;
  /** 1 where the events are the page, 2 where they are a part of one. */
  readonly level: 1 | 2;
}

export function Events({ items, max, level }: EventsProps) {
  const [held, setHeld] = useState<readonly KeyedItem[]>();
  const [pod, setPod] = useState('');
  const [type, setType] = useState('');
  const from = held ?? items;
  const shown = useMemo(() => newest(from, { pod: pod.trim(), type }, max), [from, pod, type, max]);
  const types = useMemo(() => typesIn(items), [items]);
  const waiting = held ? (items.at(-1)?.key ?? 0) - (held.at(-1)?.key ?? 0) : 0;
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <section class="events">
      <Heading tabIndex={level === 1 ? -1 : undefined}>Events</Heading>
      <div class="controls">
        <label>
          Pod <input type="text" value={pod} onInput={({ currentTarget }) => setPod(currentTarget.value)} />
        </label>
        <label>
          Type{' '}
          <select value={type} onChange={({ currentTarget }) => setType(currentTarget.value)}>
            <option value="">all</option>
            {types.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => setHeld(held ? undefined : items)}>
          {held ? 'Resume' : 'Pause'}
        </button>
        {held && <span class="quiet">{waiting} more since</span>}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it, the keyboard cannot scroll it */}
      <div role="log" aria-label="Live events" tabIndex={0} class="log">
        <ol>
          {shown.map(({ key, item }) => (
            <EventRow key={key} item={item} />
          ))}
        </ol>
        {shown.length === 0 && (
          <p class="quiet">{from.length === 0 ? 'None that the gate knows of.' : 'None of these.'}</p>
        )}
      </div>
    </section>
  );
}

function newest(items: readonly KeyedItem[], filter: { pod: string; type: string }, max: number): KeyedItem[] {
  const found: KeyedItem[] = [];
  for (let index = items.length - 1; index >= 0 && found.length < max; index -= 1) {
    const keyed = items[index];
    if (keyed && matches(keyed, filter)) found.push(keyed);
  }
  return found;
}

/** A gap in the events is shown whatever is asked for: what is missing may be of it. */
function matches({ item }: KeyedItem, { pod, type }: { pod: string; type: string }): boolean {
  if (item.kind !== 'event') return true;
  return (type === '' || item.event.type === type) && (pod === '' || (podOf(item.event) ?? '').includes(pod));
}

/** The gates' own, and those that were posted. */
function typesIn(items: readonly KeyedItem[]): string[] {
  const types = new Set<string>(domainEventTypes);
  for (const { item } of items) if (item.kind === 'event') types.add(item.event.type);
  return [...types].slice(0, 100);
}
