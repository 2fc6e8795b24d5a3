import { describe, expect, it } from 'vitest';
import type { PodSource } from '../../src/config/pod-sources.ts';
import { PodSources } from '../../src/envoy/pod-sources.ts';
import { placeOf } from '../../src/envoy/route-now.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';
import { NO_SERVICES } from '../support/no-services.ts';

const lease = newLease(proxyA);
const place = (routePod: string | undefined, byRoute = true, sources: PodSource[] = ['route', 'context']) =>
  placeOf({ pod: pod1, lease, byRoute, byHold: false, others: [] }, routePod, new PodSources(sources, NO_SERVICES));

it('a connection is at the pod of its present route', () => {
  expect(place('pod2')).toEqual({ pod: 'pod2', lease, movedFrom: 'pod1' });
});

describe('it is at the pod that the gate decided about', () => {
  const still = { pod: 'pod1', lease };
  it.each([undefined, '', 'pod1', 'pod 2'])('when its route names %j', (routePod) => {
    expect(place(routePod)).toEqual(still);
  });

  it('when it was not the route that named that pod: of the present one nobody knows what else would name it', () => {
    expect(place('pod2', false)).toEqual(still);
  });

  it.each([[['context', 'route']], [[{ path: '/{pod}' }]], [['context']]] satisfies [PodSource[]][])(
    'when the route does not come first in pods.from: %j',
    (sources) => {
      expect(place('pod2', true, sources)).toEqual(still);
    },
  );
});
