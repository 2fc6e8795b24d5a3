/** `wsgate help`: what there is, or more of one thing. */

import { readFileSync } from 'node:fs';
import { type Command, command, misused } from './command.ts';

/** The same place from `src` and from `dist`. */
const EXAMPLE = new URL('../../wsgate.example.yaml', import.meta.url);
const CONFIG = 'config';

/** `all`: what is printed without a topic. */
export function help(commands: ReadonlyMap<string, Command>, all: string): Command {
  const usage = '  wsgate help [COMMAND|config]';
  return command({ usage, options: {}, argumentsMax: 1 }, async (_options, [topic], { out }) => {
    out.write(topic === undefined ? all : textOf(topic));
    return 0;
  });

  function textOf(topic: string): string {
    if (topic.toLowerCase() === CONFIG) return readFileSync(EXAMPLE, 'utf8');
    const found = commands.get(topic);
    if (found) return `${found.usage}\n`;
    throw misused(`there is no help on ${topic}: expected ${[...commands.keys(), CONFIG].join(', ')}`);
  }
}
