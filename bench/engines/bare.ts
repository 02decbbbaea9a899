/** Starts the bare reference: two processes that share a port and a table. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { freePort } from '../../setup/host/free-port.ts';
import { createStore } from '../../store/connect.ts';
import { CONNECTIONS, type Engine, type Target } from './engine.ts';
import { peakMegabytes } from './memory.ts';

const PROCESSES = 2;

export async function startBare(url: string, target: Target): Promise<Engine> {
  const store = createStore(url, { max: 1 });
  await store.query(
    'create table bare (id bigint generated always as identity primary key, sender text, rcpt text, raw bytea)',
  );
  await store.query('alter table bare alter column raw set storage external');
  await store.end();
  const port = await freePort();
  const children = await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      const child = fork(path.join(import.meta.dirname, 'bare-process.ts'), [], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      });
      child.send({ url, port, target, connections: CONNECTIONS / PROCESSES });
      await once(child, 'message');
      return child;
    }),
  );
  return {
    name: 'bare',
    port,
    peakMegabytes: () => peakMegabytes(children.map((child) => child.pid)),
    pids: () => children.map((child) => child.pid),
    usesDatabase: true,
    stop: async () => {
      await Promise.all(
        children.map(async (child) => {
          const ended = once(child, 'exit');
          child.kill();
          await ended;
        }),
      );
    },
  };
}
