/** The command line of `npm run traffic`. */

import { BadArguments, parse, wholeNumber } from '../../lab/command.ts';
import { parseDuration } from '../../src/config/notations.ts';

export const USAGE = `Opens real WebSockets through the Envoys of a playground (npm start, or docker compose up).

  npm run traffic -- --scenario table               a known number to each pod through each proxy, compared with the metrics
  npm run traffic -- --scenario service             npm start only: fills a service evenly, adds a pod, kills one
  npm run traffic -- --pod pod2 --connections 120   so many to one pod, spread over the proxies

  --hold 30s         how long they stay open; 0s if not given
  --proxies URL,URL  the Envoys; http://127.0.0.1:10001 to 10003 if not given. The table needs three: proxy_a, proxy_b, proxy_c
  --metrics URL      the gate's HTTP address; http://127.0.0.1:7071 if not given
  --help

Exit code: 0; 1 when something is not as expected; 2 for a command line that makes no sense; 130 after Ctrl-C.
`;

export interface TrafficOptions {
  readonly work:
    | { readonly kind: 'table' | 'service' }
    | { readonly kind: 'pod'; readonly pod: string; readonly connections: number };
  readonly holdMs: number;
  /** Without a slash at the end. */
  readonly proxies: readonly string[];
  readonly metrics: string;
}

const CONNECTIONS_MAX = 60_000; // one address has no more ports

export function parseTrafficOptions(args: string[]): TrafficOptions {
  const given = parse(args, {
    scenario: { type: 'string' },
    pod: { type: 'string' },
    connections: { type: 'string' },
    hold: { type: 'string', default: '0s' },
    proxies: { type: 'string', default: 'http://127.0.0.1:10001,http://127.0.0.1:10002,http://127.0.0.1:10003' },
    metrics: { type: 'string', default: 'http://127.0.0.1:7071' },
  });
  const work = workOf(given);
  const proxies = given.proxies.split(',').map((text) => url('--proxies', text));
  if (work.kind === 'table' && proxies.length !== 3) {
    throw new BadArguments(`--scenario table needs three --proxies, not ${proxies.length}`);
  }
  const holdMs = parseDuration(given.hold);
  if (holdMs === undefined) throw new BadArguments(`--hold: a duration such as 30s or 5m, not ${given.hold}`);
  return { work, holdMs, proxies, metrics: url('--metrics', given.metrics) };
}

interface Given {
  readonly scenario?: string | undefined;
  readonly pod?: string | undefined;
  readonly connections?: string | undefined;
}

function workOf({ scenario, pod, connections }: Given): TrafficOptions['work'] {
  if (scenario !== undefined) {
    if (scenario !== 'table' && scenario !== 'service') {
      throw new BadArguments(`--scenario: table or service, not ${scenario}`);
    }
    if (pod !== undefined || connections !== undefined) {
      throw new BadArguments('either --scenario, or --pod with --connections');
    }
    return { kind: scenario };
  }
  if (pod === undefined || connections === undefined) {
    throw new BadArguments('give --scenario table or service, or --pod POD with --connections N');
  }
  return { kind: 'pod', pod, connections: wholeNumber('--connections', connections, 1, CONNECTIONS_MAX) };
}

function url(option: string, text: string): string {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new BadArguments(`${option}: an address such as http://127.0.0.1:10001, not ${text}`);
  }
  return parsed.href.replace(/\/$/, '');
}
