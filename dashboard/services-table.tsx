/** Each service with its pods as bars: how evenly they fill, and which take no new connections. */

import type { Api } from '../src/client/api.ts';
import { shareOf } from '../src/fleet/fullest.ts';
import type { ServiceBody, ServicePodBody, ServicesBody } from '../src/http/bodies.ts';
import type { Snapshot } from '../src/hub/protocol.ts';
import { CutName } from './cut-name.tsx';
import { Meter } from './meter.tsx';
import { hrefOf } from './route.ts';
import { usePaced } from './use-paced.ts';

const READ_EVERY_MS = 1000;
/** Of each service: those beyond are found in the list of all pods. */
const PODS_SHOWN = 25;

/** `change`: differs when services may have other pods. */
export function ServicesTable({ api, figures, change }: { api: Api; figures: Snapshot; change: string }) {
  const { value } = usePaced<ServicesBody>(READ_EVERY_MS, '', change, () => api.services(PODS_SHOWN));
  const counts = new Map(figures.pods.map(({ pod, connections }) => [pod, connections]));
  return value?.services.map((each) => <Service key={each.service} {...withCounts(each, counts)} />);
}

/** The figures are newer than what was read. */
function withCounts(service: ServiceBody, counts: ReadonlyMap<string, number>): ServiceBody {
  const pods = service.pods.map((pod) => {
    const connections = counts.get(pod.pod) ?? pod.connections;
    return { ...pod, connections, free: Math.max(0, pod.free + pod.connections - connections) };
  });
  const more = sum(pods, 'connections') - sum(service.pods, 'connections');
  const free = service.free + sum(pods, 'free') - sum(service.pods, 'free');
  return { ...service, pods, connections: service.connections + more, free };
}

function sum(pods: readonly ServicePodBody[], figure: 'connections' | 'free'): number {
  return pods.reduce((total, pod) => total + pod[figure], 0);
}

function Service({ service, connections, free, size, pods }: ServiceBody) {
  const zones = pods.some(({ zone }) => zone !== null);
  return (
    <section class="pods service">
      <table>
        <caption>
          Service {service}{' '}
          <span class="quiet">
            {connections.toLocaleString()} connections, {free.toLocaleString()} more have room
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col" class="name">
              Pod
            </th>
            <th scope="col" class="number">
              Connections
            </th>
            <th scope="col" class="full">
              Of its limit
            </th>
            {zones && (
              <th scope="col" class="wide">
                Zone
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {pods.map((pod) => (
            <PodOfService key={pod.pod} pod={pod} prefix={`${service}/`} zones={zones} />
          ))}
        </tbody>
      </table>
      {size === 0 && <p>No pod takes connections of this service.</p>}
      {size > pods.length && <p class="quiet">and {(size - pods.length).toLocaleString()} other pods</p>}
    </section>
  );
}

function PodOfService({ pod, prefix, zones }: { pod: ServicePodBody; prefix: string; zones: boolean }) {
  const { pod: id, name, zone, state, connections, limit } = pod;
  const isFull = state === 'ready' && shareOf(pod) >= 1;
  return (
    <tr title={name ?? ''}>
      <th scope="row" class="cut">
        <a href={hrefOf({ view: 'pod', pod: id })}>
          <CutName name={id} prefix={prefix} />
        </a>
      </th>
      <td class="number">
        {connections} of {limit}
      </td>
      <td class="bar">
        <div>
          <Meter pod={id} connections={connections} limit={limit} level={isFull ? 'saturated' : 'normal'} />
          {state !== 'ready' && <span class="mark">{state}</span>}
        </div>
      </td>
      {zones && <td class="wide">{zone ?? '–'}</td>}
    </tr>
  );
}
