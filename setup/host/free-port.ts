import net from 'node:net';

/** A TCP port of 127.0.0.1 that is free now: `wanted` when it is, else one the kernel picks. */
export async function freePort(wanted = 0): Promise<number> {
  try {
    return await probe(wanted);
  } catch {
    return probe(0);
  }
}

function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address() as net.AddressInfo;
      server.close(() => resolve(address.port));
    });
  });
}
