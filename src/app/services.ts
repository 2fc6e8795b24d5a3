/** The services of the configuration. */

import { parseServiceId, type ServiceId } from '../admission/ids.ts';
import type { ServiceRules } from '../admission/services.ts';
import type { Config } from '../config/schema.ts';

export function servicesOf({ services, limits }: Config): ReadonlyMap<ServiceId, ServiceRules> {
  return new Map(
    Object.entries(services).flatMap(
      ([name, { endpoints, connections = limits.default.connections, wait: waitMs, ...how }]): [
        ServiceId,
        ServiceRules,
      ][] => {
        const service = parseServiceId(name); // the schema has let no other name in
        const all = endpoints.static.map((each) => (typeof each === 'string' ? { address: each } : each));
        return service ? [[service, { ...how, endpoints: all, connections, waitMs }]] : [];
      },
    ),
  );
}
