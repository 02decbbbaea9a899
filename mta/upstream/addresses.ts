/** Addresses of an upstream the way this machine finds any host (/etc/hosts included): it need not be in public DNS. */
import { lookup } from 'node:dns/promises';

export async function addressesByName(host: string): Promise<string[]> {
  return (await lookup(host, { family: 4, all: true })).map(({ address }) => address);
}
