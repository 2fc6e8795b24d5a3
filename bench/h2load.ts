/** h2load, of nghttp2: as many requests as a server can answer, all with one body. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lendFolder } from '../lab/fleet/folder.ts';
import { lastLines, start } from '../lab/fleet/processes.ts';
import { percentile } from './figure.ts';
import { CHECK_PATH, framed } from './grpc-client.ts';

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** As of a few Envoys with two workers each. */
const CONNECTIONS = 8;
/** Checks under way at once on each. */
const STREAMS = 8;

/** Rejects when a request fails. What gRPC says of it h2load does not look at. */
export async function h2load(address: string, message: Buffer, requests: number, path = CHECK_PATH): Promise<Load> {
  const folder = lendFolder('h2load');
  const [body, log] = [join(folder.path, 'check'), join(folder.path, 'log')];
  try {
    writeFileSync(body, framed(message));
    const size = ['-n', String(requests), '-c', String(CONNECTIONS), '-m', String(STREAMS), '-t', '1'];
    const headers = ['content-type: application/grpc', 'te: trailers', 'x-wsgate-proxy: proxy_a'];
    const program = await start({
      name: 'h2load',
      file: 'h2load',
      args: [
        ...size,
        ...headers.flatMap((header) => ['-H', header]),
        ...['-d', body, '--log-file', log, `http://${address}${path}`],
      ],
    });
    const ending = await program.ended;
    const output = program.lines().join('\n');
    const perSecond = Number(/finished in .*?, ([\d.]+) req\/s/.exec(output)?.[1]);
    const succeeded = Number(/ (\d+) succeeded/.exec(output)?.[1]);
    if (ending !== 'exit code 0' || succeeded !== requests) {
      throw new Error(`h2load: ${ending}, ${succeeded} of ${requests} succeeded\n${lastLines(program.lines())}`);
    }
    // Start and duration in µs, with the status between them.
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const ms = lines.map((line) => Number(line.split('\t')[2]) / 1000);
    return { perSecond, p50Ms: percentile(ms, 50), p99Ms: percentile(ms, 99) };
  } finally {
    folder.remove();
  }
}
