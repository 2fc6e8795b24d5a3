/** The recipes of deploy/kubernetes, and what the control planes' own translators make of them. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMap, parse, parseAllDocuments } from 'yaml';

type Json = Record<string, unknown>;

/** What Envoy would get by xDS: each resource as the control plane sends it. */
export interface Rendered {
  readonly listeners: readonly Json[];
  readonly routes: readonly Json[];
  readonly clusters: readonly Json[];
}

export type Recipe = 'envoy-gateway' | 'istio';

interface Patched {
  /** A file of the recipe's `patched/`. */
  readonly patch?: string;
}

const RECIPES = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url));
const RENDERED = fileURLToPath(new URL('rendered/', import.meta.url));

/** As it was rendered last. */
export function stored(recipe: Recipe): Rendered {
  return JSON.parse(readFileSync(join(RENDERED, `${recipe}.json`), 'utf8')) as Rendered;
}

export function store(recipe: Recipe, rendered: Rendered): void {
  writeFileSync(join(RENDERED, `${recipe}.json`), `${JSON.stringify(rendered, undefined, 2)}\n`);
}

/** By `egctl x translate`, which takes nothing that the objects' schemas do not have. */
export function renderEnvoyGateway(egctl: string, { patch }: Patched = {}): Rendered {
  const objects = `${clusterOf('envoy-gateway', patch)}\n---\n${ENDPOINTS}`;
  const args = ['x', 'translate', '--from', 'gateway-api', '--to', 'xds', '-o', 'json', '-f'];
  const { xds } = withFiles([objects], ([file]) => run(egctl, [...args, file ?? ''])) as { xds: Record<string, Dump> };
  const dumps = Object.values(xds).flatMap(({ configs }) => configs);
  return {
    listeners: dumps.flatMap(({ dynamicListeners = [] }) => dynamicListeners.map((each) => each.activeState.listener)),
    routes: dumps.flatMap(({ dynamicRouteConfigs = [] }) => dynamicRouteConfigs.map((each) => each.routeConfig)),
    clusters: dumps.flatMap(({ dynamicActiveClusters = [] }) => dynamicActiveClusters.map((each) => each.cluster)),
  };
}

/** By istiod's generators (istio/render.go). Without mutual TLS, whose certificates istiod's agent would have. */
export function renderIstio(renderer: string, { patch }: Patched = {}): Rendered {
  const mesh = `${readFileSync(join(RECIPES, 'istio/mesh-config.yaml'), 'utf8')}\nenableAutoMtls: false\n`;
  return withFiles([mesh, clusterOf('istio', patch)], (files, folder) => {
    const output = join(folder, 'rendered.json');
    execFileSync(renderer, [...files, output], { stdio: 'ignore' });
    return JSON.parse(readFileSync(output, 'utf8')) as Rendered;
  });
}

/** The gate's configuration that the recipe mounts, without the addresses of its cluster. */
export function gateConfig(recipe: Recipe): Record<string, object> {
  const documents = parseAllDocuments(readFileSync(join(RECIPES, recipe, 'wsgate.yaml'), 'utf8'));
  const map = documents.find((document) => document.get('kind') === 'ConfigMap');
  const { listen: _, store: __, ...config } = parse(String(map?.getIn(['data', 'wsgate.yaml'])));
  return config;
}

interface Dump {
  readonly configs: readonly {
    readonly dynamicListeners?: readonly { readonly activeState: { readonly listener: Json } }[];
    readonly dynamicRouteConfigs?: readonly { readonly routeConfig: Json }[];
    readonly dynamicActiveClusters?: readonly { readonly cluster: Json }[];
  }[];
}

/** What a cluster would add: egctl looks up addresses of Services, and where a gate runs. */
const ENDPOINTS = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: wsgate, namespace: default, labels: {kubernetes.io/service-name: wsgate}}
addressType: IPv4
ports: [{name: grpc, port: 7070, protocol: TCP}]
endpoints: [{addresses: [10.0.1.1], conditions: {ready: true}}]
`;

/** All objects of a recipe, each Service with an address, as a cluster gives it one. */
function clusterOf(recipe: Recipe, patch: string | undefined): string {
  const files = readdirSync(join(RECIPES, recipe)).filter(
    (file) => file.endsWith('.yaml') && file !== 'mesh-config.yaml',
  );
  return files
    .sort()
    .concat(patch ? [`patched/${patch}`] : [])
    .flatMap((file) => parseAllDocuments(readFileSync(join(RECIPES, recipe, file), 'utf8')))
    .filter(({ contents }) => isMap(contents))
    .map((document, index) => {
      if (document.get('kind') === 'Service') document.setIn(['spec', 'clusterIP'], `10.0.0.${index + 1}`);
      return document.toString({ directives: false }).replace(/^---\n/, '');
    })
    .join('\n---\n');
}

function withFiles<T>(texts: readonly string[], work: (files: string[], folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'wsgate-recipes-'));
  try {
    const files = texts.map((text, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, text);
      return file;
    });
    return work(files, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[]): unknown {
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
}
