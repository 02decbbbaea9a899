/**
 * Addresses that no MX host of a stranger can have. Anybody may subscribe with a domain whose MX is 127.0.0.1: mail to it would
 * knock at our own listeners, those that trust this machine among them. Private networks are left alone: companies do have
 * hosts there. A lab, which is told by its port, lives on loopback. Pure.
 */
import { BlockList, isIPv6 } from 'node:net';

const SMTP_PORT = 25;

/** This network, loopback, link-local, multicast and reserved (RFC 6890). */
const FORBIDDEN = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  FORBIDDEN.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  FORBIDDEN.addSubnet(network, prefix, 'ipv6');

/** May a message go to this address on this port? */
export function mayConnect(ip: string, port: number): boolean {
  return port !== SMTP_PORT || !FORBIDDEN.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
}
