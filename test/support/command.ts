/** Commands as the command line runs them, in the test's own process. */

import { Writable } from 'node:stream';
import { Exit } from '../../src/commands/command.ts';
import { commands } from '../../src/commands.ts';
import { OPS_TOKEN } from './operated.ts';

export interface Ending {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `line`: its words, with `~` for a blank in one. `url`: of the gate, for the environment. */
export async function runCommand(line: string, url: string, env: Record<string, string> = {}): Promise<Ending> {
  const [name = '', ...args] = line.split(' ').map((arg) => arg.replaceAll('~', ' '));
  let [out, err] = ['', ''];
  const into = (write: (text: string) => void) =>
    new Writable({
      write(chunk, _encoding, done) {
        write(String(chunk));
        done();
      },
    });
  const host = {
    env: { WSGATE_URL: url, WSGATE_TOKEN: OPS_TOKEN, ...env },
    out: into((text) => {
      out += text;
    }),
    outIsTerminal: false,
    err: into((text) => {
      err += text;
    }),
    signal: () => new Promise<NodeJS.Signals>(() => {}),
    onHangup() {},
  };
  const running = commands.get(name)?.run(args, host) ?? Promise.reject(new Error(`there is no ${name}`));
  const code = await running.catch((error: unknown) => {
    if (!(error instanceof Exit)) throw error;
    err += error.message;
    return error.code;
  });
  return { code, out, err };
}
