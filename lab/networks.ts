/** Addresses and the networks they are in. IPv4 only, as all of the lab. */
import { BlockList } from 'node:net';

/** The /24 an address is in, such as 127.10.0.0/24: what providers and blocklists take for one neighbourhood. */
export function netblockOf(ip: string): string {
  return `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`;
}

/** Whether `network`, an address or a CIDR, holds the address. */
export function holds(network: string, ip: string): boolean {
  const [base = '', bits = '32'] = network.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(bits), 'ipv4');
  return list.check(ip);
}
