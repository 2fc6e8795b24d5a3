/** The page's views, as the part of the address after `#`. */

import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'events' }
  | { readonly view: 'audit' }
  | { readonly view: 'pod'; readonly pod: string };

export function hrefOf(route: Route): string {
  if (route.view === 'pod') return `#/pods/${encodeURIComponent(route.pod)}`;
  return route.view === 'overview' ? '#/' : `#/${route.view}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = () => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

function routeOf(hash: string): Route {
  if (hash === '#/events') return { view: 'events' };
  if (hash === '#/audit') return { view: 'audit' };
  const [, pod] = /^#\/pods\/([^/]+)$/.exec(hash) ?? [];
  return pod === undefined ? { view: 'overview' } : { view: 'pod', pod: decoded(pod) };
}

/** As it stands when it is no proper escape: the gate then says that it is no pod. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
