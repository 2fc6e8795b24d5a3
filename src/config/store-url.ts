/**
 * The address of a Redis:
 * - `redis://[user[:password]@]host[:port][/database]`;
 * - `redis+cluster://[user[:password]@]host[:port][,host[:port]…]`: some nodes of a Redis Cluster, any of them;
 * - `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/master-name[/database]`: some Sentinels, and the
 *   name that they have for the master; user and password are those of the Redis;
 * - each of these with `rediss` for TLS;
 * - `unix://[user[:password]@]/path[?db=database]`.
 *
 * Not parsed by ioredis, which knows only the first form, reads a database that is no number as NaN, and takes any
 * `?name=value` as an option of its own.
 */

import { UNIX_PATH_BYTES_MAX } from './address.ts';

export type StoreUrl = RedisAccount & RedisPlace;

interface RedisAccount {
  readonly username?: string;
  readonly password?: string;
}

interface RedisHost {
  readonly host: string;
  readonly port: number;
}

interface RedisHosts {
  readonly tls: boolean;
  readonly hosts: readonly RedisHost[];
}

type RedisPlace =
  | ({ readonly kind: 'tcp'; readonly tls: boolean; readonly database: number } & RedisHost)
  | ({ readonly kind: 'cluster' } & RedisHosts)
  | ({ readonly kind: 'sentinel'; readonly master: string; readonly database: number } & RedisHosts)
  | { readonly kind: 'unix'; readonly path: string; readonly database: number };

const HOST = /^[A-Za-z0-9._:-]+$/;
/** What Sentinel itself takes as a name. */
const MASTER = /^[A-Za-z0-9._-]+$/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const DATABASE_MAX = 65_535;
/** Stands where the URL parser wants one host, and there is none or a list. */
const NO_HOST = 'nowhere.invalid';

export function parseStoreUrl(text: string): StoreUrl | undefined {
  // The URL parser drops what it does not like, tabs and line ends among it.
  if (/\s/.test(text)) return undefined;
  const [, scheme = '', account = '', hosts = '', rest = ''] = /^(.+?):\/\/([^/?#]*@)?([^/?#]*)(.*)$/.exec(text) ?? [];
  const url = URL.parse(`redis://${account}${NO_HOST}${rest}`) ?? undefined;
  const user = url && parseAccount(url);
  if (url === undefined || user === undefined || url.hash !== '') return undefined;
  if (scheme === 'unix') return hosts === '' ? withAccount(user, parseSocket(url)) : undefined;
  const [, secure, topology] = /^redis(s?)(?:\+(cluster|sentinel))?$/.exec(scheme) ?? [];
  if (secure === undefined || url.search !== '') return undefined;
  const tls = secure === 's';
  const path = decode(url.pathname.slice(1));
  if (path === undefined) return undefined;
  if (topology === undefined) return withAccount(user, parseTcp(tls, hosts, path));
  if (account.includes(',')) return undefined; // an account for each host, perhaps: there is one for all
  return withAccount(user, topology === 'cluster' ? parseCluster(tls, hosts, path) : parseSentinel(tls, hosts, path));
}

export function formatStoreUrl(url: StoreUrl): string {
  const { username = '', password } = url;
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const account = username === '' && secret === '' ? '' : `${encodeURIComponent(username)}${secret}@`;
  if (url.kind === 'unix') {
    return `unix://${account}${encodeURI(url.path)}${url.database === 0 ? '' : `?db=${url.database}`}`;
  }
  const scheme = url.tls ? 'rediss' : 'redis';
  switch (url.kind) {
    case 'tcp':
      return `${scheme}://${account}${formatHost(url)}/${url.database}`;
    case 'cluster':
      return `${scheme}+cluster://${account}${url.hosts.map(formatHost).join(',')}`;
    case 'sentinel':
      return `${scheme}+sentinel://${account}${url.hosts.map(formatHost).join(',')}/${url.master}/${url.database}`;
  }
}

/**
 * The text without what may be secret in it, however malformed it is: of a text that is no store URL, only what looks
 * like its scheme remains.
 */
export function maskStoreUrl(text: string): string {
  const url = parseStoreUrl(text);
  if (url === undefined) return `${/^[a-z]{1,10}(?:\+[a-z]{1,10})?:\/\//i.exec(text)?.[0] ?? ''}***`;
  // Some write the password where the user belongs: a lone name is as secret.
  if (url.password !== undefined) return formatStoreUrl({ ...url, password: '***' });
  return formatStoreUrl(url.username === undefined ? url : { ...url, username: '***' });
}

function withAccount(account: RedisAccount, place: RedisPlace | undefined): StoreUrl | undefined {
  return place && { ...account, ...place };
}

function parseTcp(tls: boolean, hosts: string, path: string): RedisPlace | undefined {
  const host = parseHost(hosts, REDIS_PORT);
  const database = parseDatabase(path);
  return host && database !== undefined ? { kind: 'tcp', tls, ...host, database } : undefined;
}

/** A cluster has no databases but 0. */
function parseCluster(tls: boolean, list: string, path: string): RedisPlace | undefined {
  const hosts = parseHosts(list, REDIS_PORT);
  return hosts && (path === '' || path === '0') ? { kind: 'cluster', tls, hosts } : undefined;
}

function parseSentinel(tls: boolean, list: string, path: string): RedisPlace | undefined {
  const hosts = parseHosts(list, SENTINEL_PORT);
  const [master = '', number = '', ...more] = path.split('/');
  const database = parseDatabase(number);
  if (!hosts || !MASTER.test(master) || database === undefined || more.length > 0) return undefined;
  return { kind: 'sentinel', tls, hosts, master, database };
}

function parseSocket(url: URL): RedisPlace | undefined {
  const path = decode(url.pathname);
  const database = parseDatabase(/^\?db=(.*)$/.exec(url.search)?.[1] ?? url.search);
  if (path === undefined || database === undefined) return undefined;
  if (!/^\/[^/]/.test(path) || Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return undefined;
  return { kind: 'unix', path, database };
}

function parseHosts(list: string, defaultPort: number): RedisHost[] | undefined {
  const hosts = list.split(',').map((text) => parseHost(text, defaultPort));
  const found = hosts.filter((host) => host !== undefined);
  return found.length === hosts.length ? found : undefined;
}

function parseHost(text: string, defaultPort: number): RedisHost | undefined {
  const url = URL.parse(`redis://${text}`);
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url === null || !HOST.test(host)) return undefined;
  return { host, port: url.port === '' ? defaultPort : Number(url.port) };
}

function formatHost({ host, port }: RedisHost): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function parseAccount(url: URL): RedisAccount | undefined {
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) return undefined;
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function parseDatabase(text: string): number | undefined {
  if (text === '') return 0;
  return /^\d{1,5}$/.test(text) && Number(text) <= DATABASE_MAX ? Number(text) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
