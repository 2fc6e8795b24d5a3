/** Who holds a pod's slots, with a way to free one or to close its connection. */

import { useRef, useState } from 'preact/hooks';
import type { Api } from '../src/client/api.ts';
import type { ConnectionBody, ReleaseBody } from '../src/http/bodies.ts';
import { ReleaseDialog } from './release-dialog.tsx';
import { Scroll } from './scroll.tsx';
import { dayAndTime } from './time.ts';
import { CONNECTIONS_MAX, useConnections, useSearch } from './use-connections.ts';

const SHOWN_AT_FIRST = 100;

interface ConnectionsTableProps {
  readonly api: Api;
  readonly pod: string;
  /** Differs when the pod has changed. */
  readonly change: string;
}

export function ConnectionsTable({ api, pod, change }: ConnectionsTableProps) {
  const [max, setMax] = useState(SHOWN_AT_FIRST);
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<ConnectionBody>();
  const [outcome, setOutcome] = useState('');
  const outcomeLine = useRef<HTMLParagraphElement>(null);
  const [released, setReleased] = useState<ReadonlySet<string>>(new Set());
  const isSearch = text.trim() !== '';
  const first = useConnections(api, pod, max, change);
  const found = useSearch(api, pod, text.trim());
  const { rows, more, looked, done, problem } = isSearch ? found : first;
  const shown = isSearch ? rows.filter(({ lease }) => !released.has(lease)) : rows;

  const search = (now: string) => {
    setText(now);
    setReleased(new Set());
  };
  const release = async ({ lease }: ConnectionBody) => {
    try {
      const answer = await api.release(pod, lease);
      setReleased(new Set([...released, lease]));
      setOutcome(outcomeOf(lease, answer));
    } catch (error) {
      setOutcome(`Not released: ${error instanceof Error ? error.message : error}`);
    }
    outcomeLine.current?.focus(); // the button that had the focus goes with its row
  };

  const end = async ({ lease }: ConnectionBody) => {
    try {
      const { closed, why } = await api.close(pod, lease, 'closed_on_the_page');
      if (closed) setReleased(new Set([...released, lease]));
      setOutcome(closed ? `Closed ${lease}.` : `Not closed: ${why}.`);
    } catch (error) {
      setOutcome(`Not closed: ${error instanceof Error ? error.message : error}`);
    }
    outcomeLine.current?.focus();
  };

  return (
    <section>
      <div class="controls">
        <label>
          Search connections{' '}
          <input type="search" value={text} onInput={({ currentTarget }) => search(currentTarget.value)} />
        </label>
        <span class="quiet">proxy, client, path or lease</span>
      </div>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <p role="status" aria-label="Outcome" ref={outcomeLine} tabIndex={-1}>
        {outcome}
      </p>
      <Scroll label="Connections">
        <table class="connections">
          <caption>Connections</caption>
          <thead>
            <tr>
              <th scope="col">Proxy</th>
              <th scope="col">Since</th>
              <th scope="col">Client</th>
              <th scope="col">Path</th>
              <th scope="col">
                <span class="hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((connection) => (
              <tr key={connection.lease}>
                <td class="proxy">{connection.proxy}</td>
                <td class="since">
                  {connection.since === null ? (
                    '–'
                  ) : (
                    <time dateTime={connection.since}>{dayAndTime(connection.since)}</time>
                  )}
                </td>
                <td class="client">
                  {connection.client || '–'}
                  {connection.peer !== connection.client && <span class="quiet"> by {connection.peer}</span>}
                </td>
                <td class="path" title={connection.path ?? ''}>
                  <span>{connection.path ?? '–'}</span>
                </td>
                <td class="action">
                  <button
                    type="button"
                    aria-label={`Release ${connection.lease}`}
                    onClick={() => setChosen({ ...connection })}
                  >
                    Release
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {done && shown.length === 0 && (
        <p>
          {isSearch
            ? `No connection has “${text.trim()}” in its proxy, client, path or lease.`
            : 'No connection is open.'}
        </p>
      )}
      <p class="more">
        <span class="quiet">
          {isSearch ? `${shown.length} found among ${looked}` : `${shown.length} shown`}
          {isSearch && more && ' so far'}
        </span>
        {!isSearch && more && max < CONNECTIONS_MAX && (
          <button type="button" onClick={() => setMax(Math.min(CONNECTIONS_MAX, max * 3))}>
            Show more
          </button>
        )}
        {!isSearch && more && max >= CONNECTIONS_MAX && <span class="quiet">Search for the rest.</span>}
      </p>
      {chosen && <ReleaseDialog connection={chosen} release={release} end={end} close={() => setChosen(undefined)} />}
    </section>
  );
}

function outcomeOf(lease: string, { released, closed, why }: ReleaseBody): string {
  if (!released) return `${lease} held no slot any more.`;
  return `Released ${lease}. ${closed ? 'Its connection is closed.' : `It is only uncounted: ${why}.`}`;
}
