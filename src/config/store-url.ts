/**
 * The address of a Redis: `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for TLS, or
 * `unix://[user[:password]@]/path[?db=database]`.
 *
 * Taken apart here rather than by ioredis, which knows no `unix://`, reads a database that is no number as NaN, and
 * takes any `?name=value` as an option of its own.
 */

import { UNIX_PATH_BYTES_MAX } from './address.ts';

export type StoreUrl = RedisAccount & (RedisTcp | RedisSocket);

interface RedisAccount {
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

interface RedisTcp {
  readonly kind: 'tcp';
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
}

interface RedisSocket {
  readonly kind: 'unix';
  readonly path: string;
}

const HOST = /^[A-Za-z0-9._:-]+$/;
const PORT = 6379;
const DATABASE_MAX = 65_535;
/** A URL with an account needs a host, and a socket has none. */
const NO_HOST = 'socket.invalid';

export function parseStoreUrl(text: string): StoreUrl | undefined {
  const url = toUrl(text);
  if (url === undefined || url.hash !== '') return undefined;
  const account = parseAccount(url);
  if (account === undefined) return undefined;
  if (url.protocol === 'unix:') {
    const path = decode(url.pathname);
    const database = parseDatabase(/^\?db=(.*)$/.exec(url.search)?.[1] ?? url.search);
    if (url.hostname !== NO_HOST || path === undefined || database === undefined) return undefined;
    if (!/^\/[^/]/.test(path) || Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return undefined;
    return { ...account, kind: 'unix', path, database };
  }
  const database = parseDatabase(url.pathname.slice(1));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (database === undefined || url.search !== '' || !HOST.test(host)) return undefined;
  const port = url.port === '' ? PORT : Number(url.port);
  return { ...account, kind: 'tcp', tls: url.protocol === 'rediss:', host, port, database };
}

export function formatStoreUrl(url: StoreUrl): string {
  const { username = '', password } = url;
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const account = username === '' && secret === '' ? '' : `${encodeURIComponent(username)}${secret}@`;
  if (url.kind === 'unix') {
    return `unix://${account}${encodeURI(url.path)}${url.database === 0 ? '' : `?db=${url.database}`}`;
  }
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  return `redis${url.tls ? 's' : ''}://${account}${host}:${url.port}/${url.database}`;
}

/**
 * The text without what may be secret in it, however malformed it is: of a text that is no store URL, only what looks
 * like its scheme remains.
 */
export function maskStoreUrl(text: string): string {
  const url = parseStoreUrl(text);
  if (url === undefined) return `${/^[a-z]{1,10}:\/\//i.exec(text)?.[0] ?? ''}***`;
  // Some write the password where the user belongs: a lone name is as secret.
  if (url.password !== undefined) return formatStoreUrl({ ...url, password: '***' });
  return formatStoreUrl(url.username === undefined ? url : { ...url, username: '***' });
}

function toUrl(text: string): URL | undefined {
  // The URL parser drops what it does not like, tabs and line ends among it.
  if (!/^(?:rediss?|unix):\/\//.test(text) || /\s/.test(text)) return undefined;
  const socket = /^unix:\/\/((?:[^/@]*@)?)(\/.*)$/.exec(text);
  return URL.parse(socket === null ? text : `unix://${socket[1]}${NO_HOST}${socket[2]}`) ?? undefined;
}

function parseAccount(url: URL): Omit<RedisAccount, 'database'> | undefined {
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
