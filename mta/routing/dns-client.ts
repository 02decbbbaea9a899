/**
 * Asks DNS servers, in turn until one answers. Node's own resolver does not tell two things that mail needs: how long an
 * MX may be remembered, and whether a validating resolver vouches for an answer (the AD bit, RFC 4035 §3.2.3; DANE).
 */
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { getServers } from 'node:dns';
import net from 'node:net';
import { domainToASCII } from 'node:url';
import dnsPacket, { type Answer, type DecodedPacket, type Packet, type RecordType } from 'dns-packet';

export interface DnsAnswer {
  readonly exists: boolean;
  /** Records of the type that was asked for, aliases followed. */
  readonly records: readonly Answer[];
  /** The name the records stand at: the last alias, or the name that was asked for. Lower case. */
  readonly name: string;
  /** Seconds all of this may be remembered; for an empty answer what the zone's SOA says (RFC 2308 §5). */
  readonly ttl: number;
  /** A trusted validating resolver vouches for it, aliases included. */
  readonly authentic: boolean;
}

/** No server gave an answer: try again later. `code`: SERVFAIL, REFUSED, … or TIMEOUT. */
export class DnsFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A name that no server could be asked for, such as an address literal. */
export class BadName extends Error {
  readonly code = 'bad-name';
}

/** What decode() returns; its types leave the response code out. */
type Response = DecodedPacket & { readonly rcode: string };

const TRY_MS = 2_500;
const ROUNDS = 2;
/** A server that did not answer is asked last for this long. */
const SHUN_MS = 30_000;
const MAX_ALIASES = 8;
/** What fits a packet on any path (DNS flag day 2020). */
const UDP_BYTES = 1_232;
const NO_TTL = 60;
/** Labels of letters, digits, hyphens and underscores, up to 63 bytes each and 253 in all. */
const NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

interface Server {
  readonly host: string;
  readonly port: number;
  shunnedUntil: number;
}

export interface DnsOptions {
  /** `ip` or `ip:port`; empty: the system's. */
  readonly servers: readonly string[];
  /** The servers validate DNSSEC and the path to them is safe. Servers on loopback are believed when all are. */
  readonly trustAd?: boolean;
  /** Monotonic ms. */
  readonly clock: () => number;
}

export class DnsClient {
  readonly #servers: Server[];
  readonly #trustAd: boolean;
  readonly #clock: () => number;

  constructor(options: DnsOptions) {
    const named = options.servers.length > 0 ? options.servers : getServers();
    this.#servers = named.map(serverOf);
    this.#trustAd = options.trustAd ?? this.#servers.every(({ host }) => isLoopback(host));
    this.#clock = options.clock;
  }

  /** May an answer be authentic at all? Without it there is no DANE. */
  get trustAd(): boolean {
    return this.#trustAd;
  }

  /** Records of a name. Rejects with DnsFailure when no server answers, BadName when none can be asked. */
  async query(name: string, type: RecordType): Promise<DnsAnswer> {
    let at = asciiName(name).toLowerCase().replace(/\.$/, '');
    let ttl = Number.POSITIVE_INFINITY;
    let authentic = this.#trustAd;
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
      if (!NAME.test(at) || net.isIP(at) !== 0) throw new BadName(`${name} is not a domain name`);
      const packet = await this.#ask(at, type);
      const answers = (packet.answers ?? []).filter((record) => 'ttl' in record);
      authentic &&= packet.flag_ad;
      // Servers give a chain of aliases in one answer, in any order; what they leave out is asked for.
      const seen = new Set<string>();
      for (;;) {
        const records = answers.filter((record) => record.type === type && same(record.name, at));
        if (records.length > 0) {
          return { exists: true, records, name: at, ttl: Math.min(ttl, ...records.map(ttlOf)), authentic };
        }
        const alias = answers.find((record) => record.type === 'CNAME' && same(record.name, at));
        if (alias?.type !== 'CNAME' || seen.has(at)) break;
        seen.add(at);
        ttl = Math.min(ttl, ttlOf(alias));
        at = alias.data.toLowerCase().replace(/\.$/, '');
      }
      if (seen.size === 0) {
        const exists = packet.rcode !== 'NXDOMAIN';
        return { exists, records: [], name: at, ttl: Math.min(ttl, negativeTtl(packet)), authentic };
      }
      if (packet.rcode === 'NXDOMAIN') {
        return { exists: false, records: [], name: at, ttl: Math.min(ttl, negativeTtl(packet)), authentic };
      }
    }
    throw new DnsFailure('SERVFAIL', `${name} has more than ${MAX_ALIASES} aliases`);
  }

  async #ask(name: string, type: RecordType): Promise<Response> {
    let last = new DnsFailure('TIMEOUT', 'no DNS server is configured');
    for (let round = 0; round < ROUNDS; round++) {
      const now = this.#clock();
      const order = this.#servers.toSorted((a, b) => Number(a.shunnedUntil > now) - Number(b.shunnedUntil > now));
      for (const server of order) {
        try {
          const packet = await exchange(server, name, type);
          const { rcode } = packet;
          if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return packet;
          last = new DnsFailure(rcode, `${server.host} answered ${rcode}`);
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          server.shunnedUntil = this.#clock() + SHUN_MS;
          last = new DnsFailure(code ?? 'FAILED', `${server.host}: ${message}`);
        }
      }
    }
    throw last;
  }
}

/** One question to one server: over UDP, and over TCP when the answer is too long for it. */
async function exchange(server: Server, name: string, type: RecordType): Promise<Response> {
  // A new socket, and with it a random port, for each question: an answer is hard to forge (RFC 5452 §4.5).
  const id = randomInt(0x1_0000);
  const query: Packet = {
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ name, type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  };
  const fits = (packet: Response) => {
    const question = packet.questions?.[0];
    return packet.type === 'response' && packet.id === id && question?.type === type && same(question.name, name);
  };
  const short = await overUdp(server, dnsPacket.encode(query), fits);
  if (!short.flag_tc) return short;
  const full = await overTcp(server, dnsPacket.streamEncode(query));
  if (!fits(full)) throw new DnsFailure('BADRESP', 'answered another question');
  return full;
}

function overUdp(server: Server, query: Buffer, fits: (packet: Response) => boolean): Promise<Response> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(net.isIPv6(server.host) ? 'udp6' : 'udp4');
    const end = (act: () => void) => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      act();
    };
    const timer = setTimeout(() => end(() => reject(timedOut())), TRY_MS);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (bytes) => {
      const packet = decoded(bytes);
      // What does not fit may be forged: the true answer may still come.
      if (packet !== undefined && fits(packet)) end(() => resolve(packet));
    });
    // Connected: the kernel drops what another host sends, and tells when nobody listens.
    socket.connect(server.port, server.host, () => socket.send(query));
  });
}

function overTcp(server: Server, query: Buffer): Promise<Response> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, server.host, () => socket.write(query));
    const end = (act: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(() => end(() => reject(timedOut())), TRY_MS);
    let got = Buffer.alloc(0);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => end(() => reject(new DnsFailure('CLOSED', 'closed the connection'))));
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
      const packet = decoded(got.subarray(2, 2 + got.readUInt16BE(0)));
      end(() => (packet === undefined ? reject(new DnsFailure('BADRESP', 'sent garbage')) : resolve(packet)));
    });
  });
}

function decoded(bytes: Buffer): Response | undefined {
  try {
    return dnsPacket.decode(bytes) as Response;
  } catch {
    return undefined;
  }
}

function timedOut(): DnsFailure {
  return new DnsFailure('TIMEOUT', `no answer within ${TRY_MS} ms`);
}

function serverOf(text: string): Server {
  const [, host = text, port = '53'] = /^\[([^\]]+)\]:(\d+)$/.exec(text) ?? /^([\d.]+):(\d+)$/.exec(text) ?? [];
  return { host, port: Number(port), shunnedUntil: 0 };
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}

/** An internationalised name as DNS has it (RFC 5890 §2.3.2.1). */
function asciiName(name: string): string {
  return /[^\0-\x7f]/.test(name) ? domainToASCII(name) : name;
}

function same(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}

function ttlOf(record: Answer): number {
  return 'ttl' in record ? (record.ttl ?? 0) : 0;
}

function negativeTtl(packet: Response): number {
  const soa = packet.authorities?.find((record) => record.type === 'SOA');
  return soa?.type === 'SOA' ? Math.min(soa.ttl ?? NO_TTL, soa.data.minimum ?? NO_TTL) : NO_TTL;
}
