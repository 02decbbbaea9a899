/** Peers that hand in mail without signing in: addresses and networks, as a listener's settings name them. Pure. */
import { BlockList, isIPv6 } from 'node:net';

/** Widest network that is somebody's own (RFC 1918 has 10.0.0.0/8): whoever trusts more relays for strangers. */
const WIDEST = { ipv4: 8, ipv6: 16 } as const;

/** Is an address one of them? An IPv4 address inside IPv6 is that IPv4 address. */
export function trusting(peers: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList();
  for (const peer of peers) {
    const { network, family, bits } = parts(peer);
    if (bits === undefined) trusted.addAddress(network, family);
    else trusted.addSubnet(network, bits, family);
  }
  return (address) => trusted.check(address, familyOf(address));
}

/** Is this a part of the Internet rather than a network of one's own? */
export function isEverybody(peer: string): boolean {
  const { family, bits } = parts(peer);
  return bits !== undefined && bits < WIDEST[family];
}

function parts(peer: string) {
  const [network = '', bits] = peer.split('/');
  return { network, family: familyOf(network), bits: bits === undefined ? undefined : Number(bits) };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
