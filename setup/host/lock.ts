import { createHash } from 'node:crypto';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while this process alone holds the lock `name` on this machine, waiting up to `waitMs` for it.
 *
 * The lock is a listening socket in Linux's abstract namespace: the kernel frees it when the process ends, however it
 * ends, so unlike a lock file it is never left behind by `kill -9`. It does not reach across containers; everything
 * guarded by it is therefore also written to a temporary name and renamed.
 *
 * @throws Error in one line when the lock is still held after `waitMs`.
 */
export async function withLock<T>(name: string, work: () => Promise<T>, waitMs = 15 * 60_000): Promise<T> {
  const deadline = performance.now() + waitMs;
  let holder = await tryListen(name);
  while (!holder) {
    if (performance.now() > deadline) {
      throw new Error(`another rampart process is still busy with ${name}; wait for it or end it, then try again`);
    }
    await sleep(100);
    holder = await tryListen(name);
  }
  try {
    return await work();
  } finally {
    holder.close();
  }
}

function tryListen(name: string): Promise<net.Server | undefined> {
  // Socket names end at 107 bytes; paths do not.
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0rampart-lock-${digest}`, () => resolve(server));
  });
}
