/**
 * Which events a subscription wants. An empty list wants all. The values of one list are alternatives; all lists and
 * all labels have to match. A type that ends in `.*` matches all types that begin so.
 */

import type { CloudEvent } from '../events/cloud-event.ts';
import type { Filters } from '../protocol.ts';

/** What filters look at, extracted from an event once. */
export interface Facts {
  readonly type: string;
  readonly severity: string;
  readonly state: string | undefined;
  readonly source: string;
  readonly resource: string | undefined;
  readonly incident: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

export type Matcher = (facts: Facts) => boolean;

export function factsOf({ type, severity, source, subject, data }: CloudEvent): Facts {
  const { state, incident_id: incident, labels = {} } = data;
  return { type, severity, state, source, resource: subject, incident, labels: new Map(Object.entries(labels)) };
}

export function matcherOf(filters: Filters): Matcher {
  const labels = Object.entries(filters.labels);
  const all = [
    typeMatcher(filters.types),
    oneOf(filters.severities, ({ severity }) => severity),
    oneOf(filters.states, ({ state }) => state),
    oneOf(filters.sources, ({ source }) => source),
    oneOf(filters.resources, ({ resource }) => resource),
    oneOf(filters.incident_ids, ({ incident }) => incident),
    ...labels.map(
      ([name, value]): Matcher =>
        (facts) =>
          facts.labels.get(name) === value,
    ),
  ].filter((matcher) => matcher !== undefined);
  return (facts) => all.every((matches) => matches(facts));
}

/** The same text for filters that want the same, in whatever order their values stand. */
export function canonical(filters: Filters): string {
  const lists = [
    filters.types,
    filters.severities,
    filters.states,
    filters.sources,
    filters.resources,
    filters.incident_ids,
    Object.entries(filters.labels).map((label) => JSON.stringify(label)),
  ];
  return JSON.stringify(lists.map((list) => [...new Set(list)].sort()));
}

function typeMatcher(types: readonly string[]): Matcher | undefined {
  if (types.length === 0 || types.includes('*')) return undefined;
  const exact = new Set(types);
  const prefixes = types.filter((type) => type.endsWith('.*')).map((type) => type.slice(0, -1));
  return ({ type }) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}

function oneOf(values: readonly string[], read: (facts: Facts) => string | undefined): Matcher | undefined {
  if (values.length === 0) return undefined;
  const wanted = new Set<string | undefined>(values);
  return (facts) => wanted.has(read(facts));
}
