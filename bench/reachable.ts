/** Waits until something listens. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export async function reachable(host: string, port: number, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; ; ) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, host, () => {
        socket.end();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    if (performance.now() > end) throw new Error(`nothing listens on ${host}:${port} after ${ms / 1000} s`);
    await sleep(50);
  }
}
