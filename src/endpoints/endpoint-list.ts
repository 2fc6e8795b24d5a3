/** A list of endpoints, as text: YAML or JSON. All of it is right, or every mistake in it is told. */

import type { Endpoint } from '../admission/services.ts';
import { describeMistakes } from '../config/describe.ts';
import type { Mistake } from '../config/mistakes.ts';
import { endpointList, endpointOf } from '../config/services.ts';
import { type Path, pathText, valueAt } from '../config/tree.ts';
import { readYaml } from '../config/yaml-text.ts';

export type EndpointsRead =
  | { readonly ok: true; readonly endpoints: readonly Endpoint[] }
  | { readonly ok: false; readonly mistakes: string };

/** A file of which every line is wrong is told by its first ones. */
const MISTAKES_MAX = 10;
const VALUE_LENGTH_MAX = 80;

/** `file`: its name, for mistakes. */
export function readEndpoints(text: string, file: string): EndpointsRead {
  if (text.trim() === '') return wrong([{ path: '', value: 'an empty file', expected: LIST, source: file }]);
  const json = parseJson(text); // ten thousand endpoints as YAML keep the gate busy for a tenth of a second
  if (json !== undefined) {
    const { success, data } = endpointList.safeParse(json);
    if (success) return { ok: true, endpoints: data.map(endpointOf) };
  }
  const yaml = readYaml(text);
  const at = (path: Path) => `${file}:${yaml.positionOf(path, 'value')}`;
  if (yaml.faults.length > 0) {
    return wrong(
      yaml.faults.map(({ path, expected, position }) => ({
        path: pathText(path),
        expected,
        source: `${file}:${position}`,
      })),
    );
  }
  const { success, data, error } = endpointList.safeParse(yaml.value);
  if (success) return { ok: true, endpoints: data.map(endpointOf) };
  return wrong(
    error.issues.map(({ code, path, message }) => ({
      path: pathText(path),
      value: shown(valueAt(yaml.value, path)),
      expected: code === 'unrecognized_keys' ? KEYS : path.length > 0 || code !== 'invalid_type' ? message : LIST,
      source: at(path),
    })),
  );
}

const KEYS = 'no other keys than address, connections and zone';
const LIST = 'a list of endpoints, such as [10.0.0.1:8080, {address: 10.0.0.2:8080, connections: 50}]';

function wrong(mistakes: readonly Mistake[]): EndpointsRead {
  const more = mistakes.length - MISTAKES_MAX;
  const text = describeMistakes(mistakes.slice(0, MISTAKES_MAX));
  return { ok: false, mistakes: more > 0 ? `${text}and ${more} more\n` : text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}
