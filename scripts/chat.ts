/** The service of the playground: where its pods are, and the file by which the gate knows them. */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of its pods. The last one is there, and the service does not have it at first. */
export const CHAT_PORTS = [10_011, 10_012, 10_013, 10_014] as const;
/** Of each pod. */
export const CHAT_LIMIT = 40;

export const CHAT_FILE = fileURLToPath(new URL('../.cache/playground/chat.yaml', import.meta.url));

/** The service has so many of the pods from now on; the gate sees it within three seconds. */
export function writeChat(pods: number): void {
  mkdirSync(dirname(CHAT_FILE), { recursive: true });
  const lines = CHAT_PORTS.slice(0, pods).map((port) => `- 127.0.0.1:${port}\n`);
  writeFileSync(`${CHAT_FILE}.new`, lines.join(''));
  renameSync(`${CHAT_FILE}.new`, CHAT_FILE);
}
