/**
 * Redis as services sell it: what their documentation says that they do differently, and what gates have to live with. Each
 * is a proxy before a real Redis. The table in docs/redis.md has them by these names.
 */

import type { Service } from './proxy.ts';

const CANNOT = (name: string) => `ERR unknown command '${name.toLowerCase()}'`;

/** Refuses these commands, given as `NAME` or `NAME SUBCOMMAND`. */
function without(...refused: readonly string[]): Service {
  return {
    refuses(name, [, subcommand = '']) {
      const isRefused = refused.includes(name) || refused.includes(`${name} ${subcommand.toUpperCase()}`);
      return isRefused ? CANNOT(name) : undefined;
    },
  };
}

const withoutRunId: Service = {
  tells: (info) => info.replaceAll(/^(run_id|master_replid2?|maxmemory\w*):.*\r\n/gm, ''),
};

const onlyScriptsWithKeys: Service = {
  refuses(name, [, , keys]) {
    return /^EVAL(SHA)?$/.test(name) && keys === '0' ? 'ERR scripts without keys are not supported' : undefined;
  },
};

/** Errors in its own words: only the codes are those of Redis, and not always at the beginning. */
const inOtherWords: Service = {
  says(error) {
    const [code = ''] = error.split(' ');
    if (/^(MOVED|ASK|ERR)$/.test(code)) return error;
    return code === 'NOSCRIPT' ? 'NOSCRIPT' : `ERR Error running script (call to f_00): @user_script:1: -${code} words`;
  },
};

function both(one: Service, other: Service): Service {
  return {
    refuses: (name, words) => one.refuses?.(name, words) ?? other.refuses?.(name, words),
    says: (error) => other.says?.(one.says?.(error) ?? error) ?? one.says?.(error) ?? error,
    tells: (info) => other.tells?.(one.tells?.(info) ?? info) ?? one.tells?.(info) ?? info,
  };
}

export const services = {
  'scripts without keys refused': onlyScriptsWithKeys,
  'CONFIG, CLIENT, CLUSTER and ACL refused': without('CONFIG', 'CLIENT', 'CLUSTER', 'ACL', 'LASTSAVE'),
  'INFO refused': without('INFO'),
  'INFO without run_id': withoutRunId,
  'INFO and SCRIPT refused': without('INFO', 'SCRIPT'),
  'errors in other words': inOtherWords,
  'all of that at once': both(
    both(onlyScriptsWithKeys, without('CONFIG', 'CLIENT', 'CLUSTER', 'ACL', 'LASTSAVE', 'INFO', 'SCRIPT')),
    inOtherWords,
  ),
} as const satisfies Record<string, Service>;

/** Of a cluster whose only node is the service itself. */
export const clusterServices = {
  'a cluster: scripts without keys refused': onlyScriptsWithKeys,
  'a cluster: INFO refused': without('INFO'),
  'a cluster: INFO without run_id, SCRIPT and CLUSTER INFO refused': both(
    both(onlyScriptsWithKeys, withoutRunId),
    without('SCRIPT', 'CLUSTER INFO'),
  ),
} as const satisfies Record<string, Service>;

export const withoutScripts = without('EVAL', 'EVALSHA', 'SCRIPT');
/** As before Redis 7.0. */
export const withoutFlags: Service = {
  refuses: (name, [, script = '']) =>
    /^(EVAL|SCRIPT)$/.test(name) && script.startsWith('#!') ? 'ERR Error compiling script: near #' : undefined,
};
