/**
 * The configuration in environment variables: `lease.ttl` is `WSGATE_LEASE_TTL`, `deny.retryAfter`
 * `WSGATE_DENY_RETRY_AFTER`.
 */

import { type Leaf, leaves } from './keys.ts';
import { readYaml } from './yaml-text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const PREFIX = 'WSGATE_';

/** Many platforms set it. The file wins over it, because it was not set for wsgate alone. */
export const REDIS_URL = 'REDIS_URL';

export function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((key) => key.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_');
}

export const knownVariables: readonly string[] = leaves.map(({ path }) => variableOf(path));

/** Those of the commands that ask a gate, in whose shell one may be started, too. */
const OF_COMMANDS: readonly string[] = ['WSGATE_TOKEN', 'WSGATE_URL'];

/** Variables that are meant for wsgate, by their prefix, and name no key. */
export function unknownVariables(environment: Environment): string[] {
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith(PREFIX) && value !== undefined && value !== '')
    .filter(([name]) => !knownVariables.includes(name))
    .filter(([name, value = '']) => !OF_COMMANDS.includes(name) && !isKubernetesLink(name, value))
    .map(([name]) => name);
}

/** Kubernetes sets variables for every Service in every container: those of one named `wsgate` have our prefix. */
function isKubernetesLink(name: string, value: string): boolean {
  if (/_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name))
    return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}

/**
 * A variable's text as the value that the file would have had. Lists have commas between, or are YAML in brackets; maps
 * are YAML. A text that cannot be read so stays text, and the schema says what it should have been.
 */
export function valueOfVariable({ form }: Leaf, text: string): { value: unknown; faults: string[] } {
  if (form !== 'yaml' && !(form === 'list' && text.trimStart().startsWith('['))) {
    return { value: plainValue(form, text), faults: [] };
  }
  const { value, faults } = readYaml(text);
  return { value, faults: faults.map(({ expected }) => expected) };
}

function plainValue(form: Leaf['form'], text: string): unknown {
  if (form === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (form === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return form === 'list' ? text.split(',').map((item) => item.trim()) : text;
}
