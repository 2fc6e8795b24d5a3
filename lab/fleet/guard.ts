/**
 * No child outlives this process, however it ends, SIGKILL included.
 *
 * A shell waits for this process's end, which it sees as the end of its input, and then kills what is left. Signal
 * handlers here would not do: nothing runs at a SIGKILL, and a test runner's workers have handlers of their own. The
 * shell leads a process group of its own, so that Ctrl-C in a terminal does not reach it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';

const SCRIPT = `
while read -r change pid; do
  case $change in
    add) pids="$pids $pid " ;;
    drop) pids=\${pids%%" $pid "*}\${pids#*" $pid "} ;;
  esac
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
`;

// One for the whole process: it has nothing to configure, and ends with it.
let shellInput: NodeJS.WritableStream | undefined;

export function guard(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return; // it was never started
  shellInput ??= startShell();
  shellInput.write(`add ${pid}\n`);
  // Its number may be another program's from here on.
  child.once('exit', () => shellInput?.write(`drop ${pid}\n`));
}

function startShell(): NodeJS.WritableStream {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  shell.stdin.on('error', () => {}); // someone killed the shell: the children are as well off as without it
  return shell.stdin;
}
