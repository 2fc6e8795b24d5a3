/** Which methods each path takes: for 405, and its `allow`. */

import type { FastifyInstance } from 'fastify';

export class Methods {
  readonly #routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];

  /** Learns of all routes that are added from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ method, url }) => {
      const pattern = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+');
      this.#routes.push({ path: new RegExp(`^${pattern}$`), methods: [method].flat() });
    });
  }

  /** Of a request's URL; none for a path that is not there. */
  of(url: string): string[] {
    const [path = ''] = url.split('?', 1);
    return [...new Set(this.#routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods))].sort();
  }
}
