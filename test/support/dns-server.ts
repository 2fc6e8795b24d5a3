/** A DNS server on a port of this machine. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import { onTestFinished } from 'vitest';

/** `silence`: no answer at all. */
export type Zone = Record<string, readonly Answer[] | 'NXDOMAIN' | 'SERVFAIL' | 'silence'>;

const CODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3 };
const AUTHORITATIVE = 1024;

/** Answers by what `zone` has under `TYPE name`: `A chat.test`. What it does not have is a name without such records. */
export async function startDnsServer(zone: Zone) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (message, { port, address }) => {
    const { id, questions = [] } = decode(message);
    const [question] = questions;
    const key = `${question?.type} ${question?.name}`;
    asked.push(key);
    const answer = zone[key] ?? [];
    if (answer === 'silence') return;
    const isCode = typeof answer === 'string';
    const packet: Packet = {
      type: 'response',
      ...(id === undefined ? {} : { id }),
      flags: AUTHORITATIVE | CODES[isCode ? answer : 'NOERROR'],
      questions,
      answers: isCode ? [] : [...answer],
    };
    socket.send(encode(packet), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return {
    server: `127.0.0.1:${socket.address().port}`,
    zone,
    /** How often. */
    asked: (key: string) => asked.filter((each) => each === key).length,
  };
}
