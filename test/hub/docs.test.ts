/** `docs/hub.md` against the code: what it shows is what is, and it leaves nothing out. */

import { readFileSync } from 'node:fs';
import { Registry } from '@prometheus-io/client';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { cloudEvent } from '../../src/hub/events/cloud-event.ts';
import { domainEventTypes, toCloudEvent } from '../../src/hub/events/domain-event.ts';
import { states } from '../../src/hub/feeds/session-state.ts';
import { HubMetrics } from '../../src/hub/hub-metrics.ts';
import {
  clientMessage,
  closeReasons,
  consoleMessage,
  errorCodes,
  metricsMessage,
  serverMessage,
} from '../../src/hub/protocol.ts';

const docs = readFileSync(new URL('../../docs/hub.md', import.meta.url), 'utf8');
const examples = [...docs.matchAll(/^```json (\w+)\n([\s\S]*?)^```$/gm)].map(([, kind = '', text = '']) => ({
  kind,
  value: JSON.parse(text) as { type: string },
}));
const schemas: Readonly<Record<string, z.ZodType>> = {
  event: cloudEvent,
  client: clientMessage,
  server: serverMessage,
  metrics: metricsMessage,
  console: consoleMessage,
};

function typesOf(kind: string): string[] {
  return examples.filter((example) => example.kind === kind).map(({ value }) => value.type);
}

describe('docs/hub.md', () => {
  it.each(examples)('shows a valid $kind: $value.type', ({ kind, value }) => {
    const parsed = schemas[kind]?.safeParse(value);
    expect(parsed?.error?.issues).toBeUndefined();
    expect(parsed?.success).toBe(true);
    if (kind !== 'client') expect(parsed?.data).toEqual(value); // nothing is left out of what a gate says
  });

  it('shows every message', () => {
    const all = ({ options }: { options: readonly { shape: { type: { value: string } } }[] }) =>
      options.map(({ shape }) => shape.type.value);
    expect(typesOf('client').sort()).toEqual(all(clientMessage).sort());
    expect(typesOf('server').sort()).toEqual(all(serverMessage).sort());
  });

  it.each(domainEventTypes)('tells how much %s matters', (type) => {
    const { severity, priority } = toCloudEvent('wsgate/a', { type, data: {} });
    expect(docs).toMatch(new RegExp(`^\\| \`${type}\` \\|.*\\| ${severity}, ${priority} \\|`, 'm'));
  });

  it('names every error, every state, every close code, every metric', () => {
    const metrics = new Registry();
    new HubMetrics(metrics);
    const names = metrics.getMetricsAsArray().map(({ name }) => name);
    const codes = Object.values(closeReasons).map(({ code }) => `| ${code} |`);
    for (const each of [...errorCodes, ...states, ...codes, ...names]) expect(docs).toContain(each);
  });
});
