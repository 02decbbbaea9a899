/** Postfix's smtp-source as the load: sessions that are kept, each sending one message after the other. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Load {
  readonly port: number;
  readonly messages: number;
  /** Bytes of each message's body (its headers come on top). */
  readonly bytes: number;
  /** Sessions at once. */
  readonly sessions: number;
  readonly domain: string;
}

/** Hands all messages in; returns when the first session began and the last 250 came (monotonic ms). */
export async function inject(load: Load): Promise<{ readonly began: number; readonly ended: number }> {
  const began = performance.now();
  // -d keeps sessions; -N gives each message a recipient of its own.
  const child = spawn(
    'smtp-source',
    [
      ...['-4', '-d', '-N', '-s', String(load.sessions), '-m', String(load.messages), '-l', String(load.bytes)],
      ...['-f', 'news@shop.example', '-t', `reader@${load.domain}`, `127.0.0.1:${load.port}`],
    ],
    { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } },
  );
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`smtp-source ended with code ${code}: ${said.trim().slice(-500)}`);
  return { began, ended: performance.now() };
}
