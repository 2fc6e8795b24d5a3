import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloudEvent } from '../../src/hub/events/cloud-event.ts';
import { canonical, factsOf, matcherOf } from '../../src/hub/feeds/filters.ts';
import { Subscriptions } from '../../src/hub/feeds/subscriptions.ts';
import { filters } from '../../src/hub/protocol.ts';
import { assertHolds } from '../support/property.ts';
import { incident } from './client.ts';

/** `incident.opened` of `pager/eu` about `checkout`: severity high, state open, INC-7, team payments, region eu. */
const event = cloudEvent.parse(incident());

function matches(wanted: object): boolean {
  return matcherOf(filters.parse(wanted))(factsOf(event));
}

describe('filters', () => {
  it.each([
    ['nothing at all', {}],
    [
      'empty lists',
      { types: [], severities: [], states: [], sources: [], resources: [], incident_ids: [], labels: {} },
    ],
    ['the type', { types: ['incident.opened'] }],
    ['one of the types', { types: ['pod.filling', 'incident.opened'] }],
    ['a prefix of the type', { types: ['incident.*'] }],
    ['every type', { types: ['*'] }],
    ['one of the severities', { severities: ['low', 'high'] }],
    ['the state', { states: ['open'] }],
    ['the source', { sources: ['pager/eu'] }],
    ['the resource', { resources: ['checkout', 'cart'] }],
    ['the incident', { incident_ids: ['INC-7'] }],
    ['one of its labels', { labels: { team: 'payments' } }],
    ['all of its labels', { labels: { team: 'payments', region: 'eu' } }],
    ['all lists at once', { types: ['incident.*'], severities: ['high'], labels: { region: 'eu' } }],
  ])('that say %s match', (_what, wanted) => {
    expect(matches(wanted)).toBe(true);
  });

  it.each([
    ['another type', { types: ['incident.closed'] }],
    ['a prefix that is no whole word', { types: ['incid.*'] }],
    ['a prefix of another type', { types: ['pod.*'] }],
    ['the prefix alone', { types: ['incident'] }],
    ['another severity', { severities: ['low'] }],
    ['another state', { states: ['closed'] }],
    ['another source', { sources: ['pager'] }],
    ['another resource', { resources: ['cart'] }],
    ['another incident', { incident_ids: ['INC-8'] }],
    ['a label that it does not have', { labels: { team: 'payments', zone: 'a' } }],
    ['another value of a label', { labels: { team: 'search' } }],
    ['one list that agrees and one that does not', { types: ['incident.*'], severities: ['low'] }],
  ])('that say %s do not', (_what, wanted) => {
    expect(matches(wanted)).toBe(false);
  });

  it('of an event without data want no state, resource, incident or label', () => {
    const { data, subject, ...bare } = event;
    const facts = factsOf(cloudEvent.parse(bare));
    for (const wanted of [{ states: ['open'] }, { resources: ['checkout'] }, { incident_ids: ['INC-7'] }]) {
      expect(matcherOf(filters.parse(wanted))(facts)).toBe(false);
    }
    expect(matcherOf(filters.parse({ labels: { toString: 'x' } }))(facts)).toBe(false);
  });
});

describe('subscriptions', () => {
  const values = (...all: string[]) => fc.subarray(all);
  const wanted = fc.record({
    types: values('incident.opened', 'incident.*', 'pod.*', 'pod.filling', '*'),
    severities: values('high', 'low'),
    resources: values('checkout', 'cart'),
    labels: fc.constantFrom({}, { team: 'payments' }, { team: 'search' }),
  });
  const some = fc.record({
    type: fc.constantFrom('incident.opened', 'incident.closed', 'pod.filling'),
    severity: fc.constantFrom('high', 'low', 'info'),
    subject: fc.constantFrom('checkout', 'cart', 'login'),
  });
  const change = fc.record({ holder: fc.nat(3), id: fc.constantFrom('a', 'b'), wanted: fc.option(wanted) });

  it('find each holder that wants an event once, as if all were matched one by one', () =>
    assertHolds(
      fc.asyncProperty(fc.array(change), some, async (changes, facts) => {
        const holders = [{}, {}, {}, {}];
        const index = new Subscriptions<object>();
        const plain = new Map<string, { holder: object; id: string; filters: ReturnType<typeof filters.parse> }>();
        for (const { holder: at, id, wanted } of changes) {
          const holder = holders[at] ?? {};
          const before = plain.get(`${at} ${id}`);
          if (before) index.remove(holder, id, before.filters);
          plain.delete(`${at} ${id}`);
          if (!wanted) continue;
          const parsed = filters.parse(wanted);
          index.add(holder, id, parsed);
          plain.set(`${at} ${id}`, { holder, id, filters: parsed });
        }
        const looked = factsOf(cloudEvent.parse(incident(facts)));
        const found = [...index.matching(looked)].flatMap(([holder, ids]) =>
          (JSON.parse(ids) as string[]).map((id) => `${holders.indexOf(holder)} ${id}`),
        );
        const expected = [...plain].filter(([, each]) => matcherOf(each.filters)(looked)).map(([key]) => key);
        expect(found.sort()).toEqual(expected.sort());
        expect(index.size).toBe(plain.size);
      }),
      200,
    ));

  it('with the same filters are matched once, in whatever order the values stand', () => {
    const [a, b] = [
      { types: ['x', 'y', 'x'], labels: { k: 'v', l: 'w' } },
      { labels: { l: 'w', k: 'v' }, types: ['y', 'x'] },
    ].map((each) => canonical(filters.parse(each)));
    expect(a).toBe(b);
    expect(canonical(filters.parse({ types: ['a,b'] }))).not.toBe(canonical(filters.parse({ types: ['a', 'b'] })));
  });
});
