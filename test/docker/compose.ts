/** docker-compose.yml, brought up for a test under a project name of its own. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { isAtHand, succeeds } from './images.ts';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Without these images there is nothing to bring up. */
const IMAGES = ['redis:8-alpine', 'envoyproxy/envoy:v1.40.0', 'node:24-bookworm-slim'];
/** Left out where their images cannot be had. */
const OPTIONAL = ['prometheus', 'grafana'];

const Config = z.object({ services: z.record(z.string(), z.object({ image: z.string().optional() })) });

export interface Compose {
  /** Builds the images and starts every service whose image can be had. */
  up(): Promise<void>;
  /** What the services wrote, for the message of a test that failed. */
  logs(): Promise<string>;
  down(): Promise<void>;
}

export type Found = { readonly ok: true; readonly compose: Compose } | { readonly ok: false; readonly why: string };

export async function findCompose(): Promise<Found> {
  if (!(await succeeds('docker', ['info']))) return { ok: false, why: 'Docker does not answer' };
  const program = (await succeeds('docker', ['compose', 'version']))
    ? ['docker', 'compose']
    : (await succeeds('docker-compose', ['version']))
      ? ['docker-compose']
      : undefined;
  if (program === undefined) return { ok: false, why: 'neither docker compose nor docker-compose is installed' };
  for (const image of IMAGES) {
    if (!(await isAtHand(image))) return { ok: false, why: `no image ${image}, and no registry that has it` };
  }
  return { ok: true, compose: composeBy(program) };
}

function composeBy([file = '', ...first]: readonly string[]): Compose {
  const compose = async (...args: string[]) => {
    try {
      const done = await exec(file, [...first, '--project-name', 'wsgate-test', ...args], {
        cwd: root,
        maxBuffer: 2 ** 26,
        env: { ...process.env, WSGATE_HTTP_TOKENS: '' },
      });
      return done.stdout;
    } catch (error) {
      // The builds' own words are on stdout, which the error's message leaves out.
      if (error instanceof Error && 'stdout' in error) error.message += `\n${String(error.stdout).slice(-4_000)}`;
      throw error;
    }
  };
  return {
    async up() {
      const { services } = Config.parse(parse(await compose('config')));
      const without: string[] = [];
      for (const name of OPTIONAL) {
        const image = services[name]?.image;
        if (image !== undefined && !(await isAtHand(image))) without.push(name);
      }
      if (without.length > 0) console.warn(`left out: ${without.join(', ')}, whose images cannot be had`);
      await compose('up', '--detach', '--build', ...Object.keys(services).filter((name) => !without.includes(name)));
    },
    logs: () => compose('logs', '--no-color', '--tail', '40'),
    async down() {
      await compose('down', '--volumes', '--remove-orphans');
    },
  };
}
