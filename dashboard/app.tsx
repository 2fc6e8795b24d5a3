/** The whole page: who may see it, what it shows, and whether that is true. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Api } from '../src/client/api.ts';
import { Audit } from './audit.tsx';
import { Events } from './events.tsx';
import { Fleet, NOTHING_YET, type View } from './fleet.ts';
import { Notice } from './notice.tsx';
import { Overview } from './overview.tsx';
import { PodPage } from './pod-page.tsx';
import { type Route, useRoute } from './route.ts';
import { State } from './state.tsx';
import { TokenForm } from './token-form.tsx';
import { tokenOfTab } from './token-of-tab.ts';

const EVENTS_SHOWN = 200;
/** Where the page is: the gate may stand behind a proxy's path. */
const GATE = new URL('.', document.baseURI);

export function App() {
  const [token, setToken] = useState(tokenOfTab.get);
  const [asked, setAsked] = useState(false);
  const [view, setView] = useState(NOTHING_YET);
  const route = useRoute();
  const api = useMemo(() => new Api({ url: GATE, token, unauthorized: () => setAsked(true) }), [token]);

  useEffect(() => {
    if (asked) return;
    const fleet = new Fleet(api, setView);
    return () => fleet.close();
  }, [api, asked]);

  useTitleAndFocus(route);

  const signIn = (shown: string) => {
    tokenOfTab.set(shown);
    setToken(shown);
    setAsked(false);
  };

  return (
    <>
      <header>
        <a class="name" href="#/">
          wsgate
        </a>
        <nav>
          <a href="#/" aria-current={route.view === 'overview' ? 'page' : undefined}>
            Fleet
          </a>
          <a href="#/events" aria-current={route.view === 'events' ? 'page' : undefined}>
            Events
          </a>
          <a href="#/audit" aria-current={route.view === 'audit' ? 'page' : undefined}>
            Audit
          </a>
        </nav>
        {!asked && <State view={view} />}
      </header>
      {view.stale !== undefined && !asked && (
        <p role="alert" class="stale">
          Stale: {view.stale}
        </p>
      )}
      {view.figures && view.figures.store !== 'up' && !asked && <Notice api={api} store={view.figures.store} />}
      <main>
        {asked ? (
          <TokenForm refused={token !== undefined} signIn={signIn} />
        ) : (
          <RoutedView route={route} api={api} view={view} />
        )}
      </main>
    </>
  );
}

function RoutedView({ route, api, view }: { route: Route; api: Api; view: View }) {
  if (route.view === 'pod') return <PodPage key={route.pod} name={route.pod} api={api} view={view} />;
  if (route.view === 'events') return <Events items={view.events} max={EVENTS_SHOWN} level={1} />;
  if (route.view === 'audit')
    return <Audit api={api} change={`${view.figures?.timestamp} ${view.events.at(-1)?.key}`} />;
  return <Overview api={api} view={view} />;
}

/** Whoever follows a link by keyboard or screen reader goes on at the heading of what it led to. */
function useTitleAndFocus(route: Route): void {
  const first = useRef(true);
  useEffect(() => {
    document.title = titleOf(route);
    if (!first.current) document.querySelector('h1')?.focus();
    first.current = false;
  }, [route]);
}

function titleOf(route: Route): string {
  if (route.view === 'overview') return 'wsgate';
  const name = route.view === 'pod' ? route.pod : route.view === 'events' ? 'Events' : 'Audit trail';
  return `${name} · wsgate`;
}
