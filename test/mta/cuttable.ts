/** A way to a server that can be cut as a network is: what is sent goes nowhere, and nobody is told. */
import net from 'node:net';

export interface Cuttable {
  /** The same URL, by this way. */
  readonly url: string;
  /** From now on nothing passes, and new connections hang. */
  cut(): void;
  /** Old connections are gone, new ones pass again. */
  heal(): void;
  stop(): Promise<void>;
}

export async function startCuttable(to: string): Promise<Cuttable> {
  const url = new URL(to);
  const target = { host: url.hostname, port: Number(url.port) };
  const open = new Set<net.Socket>();
  let isCut = false;
  const server = net.createServer((near) => {
    const far = net.connect(target);
    for (const [from, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('data', (chunk) => {
        if (!isCut) other.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => {
        open.delete(from);
        if (!isCut) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  const drop = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      isCut = true;
    },
    heal: () => {
      drop();
      isCut = false;
    },
    stop: async () => {
      drop();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
