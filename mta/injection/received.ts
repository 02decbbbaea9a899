/** The Received line of a message we took (RFC 5321 §4.4). The signed-in user is not named: it is nobody else's. */
import { isIPv6 } from 'node:net';
import { mailDate } from './message.ts';

export interface Hop {
  /** The name the client gave (HELO); it is not checked by anybody. */
  readonly helo: string;
  readonly address: string;
  /** How it came: ESMTP, ESMTPSA, UTF8SMTPSA (RFC 6531 §4.3), HTTP, … */
  readonly protocol: string;
  readonly id: string;
}

export function receivedLine(hop: Hop, hostname: string, now: number): string {
  // What a client calls itself stands in a structured field: anything but a name or an address is left out.
  const helo = /^[A-Za-z0-9._:[\]-]{1,255}$/.test(hop.helo) ? hop.helo : 'unknown';
  // RFC 5321 §4.1.3: the literal of an IPv6 address carries its tag.
  const address = isIPv6(hop.address) ? `IPv6:${hop.address}` : hop.address;
  return `from ${helo} ([${address}])\r\n\tby ${hostname} with ${hop.protocol} id ${hop.id};\r\n\t${mailDate(now)}`;
}
