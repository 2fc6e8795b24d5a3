/** The whole page: who may see it, what it shows, and whether that is true. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { Api, tokenOfTab } from './api.ts';
import { Fleet, type View } from './fleet.ts';
import { Overview } from './overview.tsx';
import { State } from './state.tsx';
import { TokenForm } from './token-form.tsx';

const NOTHING_YET: View = { figures: undefined, stale: undefined, degraded: false, events: [] };

export function App() {
  const [token, setToken] = useState(tokenOfTab.get);
  const [asked, setAsked] = useState(false);
  const [view, setView] = useState(NOTHING_YET);
  const api = useMemo(() => new Api(token, () => setAsked(true)), [token]);

  useEffect(() => {
    if (asked) return;
    const fleet = new Fleet(api, setView);
    return () => fleet.close();
  }, [api, asked]);

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
          <a href="#/">Pods</a>
          <a href="#/events">Events</a>
        </nav>
        <State view={view} />
      </header>
      {view.stale !== undefined && !asked && (
        <p role="alert" class="stale">
          Stale: {view.stale}
        </p>
      )}
      <main>
        {asked ? <TokenForm refused={token !== undefined} signIn={signIn} /> : <Overview api={api} view={view} />}
      </main>
    </>
  );
}
