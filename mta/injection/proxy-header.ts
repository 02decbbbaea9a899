/**
 * The PROXY protocol's header, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): who is behind the proxy that connects
 * to us. Pure. Strict, because nothing vouches for it but the peer's address: what is not exactly a header is refused,
 * and the connection closed ("must not be guessed", §4 there).
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Whose connection it is; null: the proxy's own (LOCAL, UNKNOWN), such as its health check. */
export interface Source {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  | { readonly state: 'more' }
  | { readonly state: 'bad'; readonly why: string }
  | { readonly state: 'whole'; readonly length: number; readonly source: Source | null };

const MORE: ProxyHeader = { state: 'more' };
/** §2.2: no other protocol begins with these. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED = 16;
/** §2.1: the longest line of version 1, with its CRLF. */
const LONGEST_LINE = 107;
/** Addresses and what a proxy adds to them (TLVs); §2.2 suggests that receivers limit it. */
const LONGEST_BLOCK = 4_096;

/** Reads the header at the start of a connection; `more`: it is not whole yet. */
export function readProxyHeader(given: Buffer): ProxyHeader {
  if (given.length === 0) return MORE;
  return given[0] === SIGNATURE[0] ? readBinary(given) : readLine(given);
}

function readLine(given: Buffer): ProxyHeader {
  const start = given.subarray(0, 6).toString('latin1');
  if (!'PROXY '.startsWith(start)) return bad('it is no PROXY header');
  const end = given.indexOf('\r\n');
  if (end === -1 || end + 2 > LONGEST_LINE)
    return given.length < LONGEST_LINE && end === -1 ? MORE : bad('its line is too long');
  const length = end + 2;
  const [, family = '', ...rest] = given.subarray(0, end).toString('latin1').split(' ');
  // §2.1: whatever follows UNKNOWN is to be ignored.
  if (family === 'UNKNOWN') return { state: 'whole', length, source: null };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  const [from = '', to = '', fromPort = '', toPort = ''] = rest;
  if (isAddress === undefined) return bad('its protocol is not TCP4, TCP6 or UNKNOWN');
  if (rest.length !== 4 || !isAddress(from) || !isAddress(to) || !isPort(fromPort) || !isPort(toPort))
    return bad('its addresses or ports can not be read');
  return { state: 'whole', length, source: { address: normal(from), port: Number(fromPort) } };
}

function readBinary(given: Buffer): ProxyHeader {
  const signature = given.subarray(0, SIGNATURE.length);
  if (!signature.equals(SIGNATURE.subarray(0, signature.length))) return bad('its signature is wrong');
  if (given.length < FIXED) return MORE;
  const [kind = 0, family = 0] = given.subarray(SIGNATURE.length);
  if (kind >> 4 !== 2) return bad('its version is not 2');
  const block = given.readUInt16BE(FIXED - 2);
  if (block > LONGEST_BLOCK) return bad('it is too long');
  const length = FIXED + block;
  const command = kind & 0x0f;
  if (command > 1) return bad('its command is not LOCAL or PROXY');
  const size = SIZES[family];
  // §2.2: of LOCAL and UNSPEC the rest is skipped, whatever it says.
  const own = command === 0 || family === 0;
  if (!own && size === undefined) return bad('it is not about a TCP connection');
  if (!own && block < 2 * (size ?? 0) + 4) return bad('it is too short for its addresses');
  if (given.length < length) return MORE;
  if (own || size === undefined) return { state: 'whole', length, source: null };
  const address = text(given.subarray(FIXED, FIXED + size));
  return { state: 'whole', length, source: { address, port: given.readUInt16BE(FIXED + 2 * size) } };
}

/** Bytes of an address by family and transport: TCP over IPv4, TCP over IPv6. */
const SIZES: Readonly<Record<number, number>> = { 17: 4, 33: 16 };

function text(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return normal((bytes.toString('hex').match(/.{4}/g) ?? []).join(':'));
}

/** One way to write each address: limits count by it. An IPv4 address inside IPv6 is that IPv4 address. */
function normal(address: string): string {
  if (isIPv4(address)) return address;
  const short = new SocketAddress({ address, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(short)?.[1] ?? short;
}

function isPort(given: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(given) && Number(given) <= 65_535;
}

function bad(why: string): ProxyHeader {
  return { state: 'bad', why };
}
