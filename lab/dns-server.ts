/** The world's name server: UDP and TCP on one port of 127.0.0.1. */
import dgram from 'node:dgram';
import net from 'node:net';
import dnsPacket, { AUTHORITATIVE_ANSWER, type Packet } from 'dns-packet';
import type { Zone } from './dns-zone.ts';

const HOST = '127.0.0.1';
/** RFC 1035 §4.2.1; a longer answer is truncated and the client asks again over TCP. */
const UDP_BYTES = 512;
const RESPONSE_CODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;
const PORT_TRIES = 20;

export class DnsServer {
  readonly #zone: Zone;
  readonly #sockets = new Set<net.Socket>();
  #udp: dgram.Socket | null = null;
  #tcp: net.Server | null = null;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  /** Listens on a free port; resolves with it. */
  async start(): Promise<number> {
    // The port that UDP got may be taken for TCP by somebody else: then another one.
    for (let left = PORT_TRIES; ; left--) {
      const udp = dgram.createSocket('udp4');
      await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(0, HOST, resolve));
      const { port } = udp.address();
      const tcp = net.createServer((socket) => this.#serve(socket));
      try {
        await new Promise<void>((resolve, reject) => tcp.once('error', reject).listen(port, HOST, resolve));
      } catch (error) {
        await new Promise<void>((resolve) => udp.close(resolve));
        if (left <= 1) throw error;
        continue;
      }
      udp.removeAllListeners('error').on('error', () => {});
      udp.on('message', (query, peer) => {
        const answer = this.#reply(query, UDP_BYTES);
        if (answer) udp.send(answer, peer.port, peer.address);
      });
      this.#udp = udp;
      this.#tcp = tcp;
      return port;
    }
  }

  async stop(): Promise<void> {
    const { udp, tcp } = { udp: this.#udp, tcp: this.#tcp };
    this.#udp = null;
    this.#tcp = null;
    for (const socket of this.#sockets) socket.destroy();
    if (udp) await new Promise<void>((resolve) => udp.close(resolve));
    if (tcp) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      // RFC 1035 §4.2.2: two bytes of length, then the message; several may come in one segment.
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const end = 2 + waiting.readUInt16BE(0);
        const answer = this.#reply(waiting.subarray(2, end), 0xffff);
        waiting = waiting.subarray(end);
        if (!answer) return void socket.destroy();
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    });
  }

  #reply(query: Buffer, limit: number): Buffer | null {
    let request: Packet;
    try {
      request = dnsPacket.decode(query);
    } catch {
      return null; // Not DNS: a name server that answers garbage is an amplifier.
    }
    if (request.type !== 'query') return null;
    const full = dnsPacket.encode(this.#answer(request));
    if (full.length <= limit) return full;
    const { answers: _, ...short } = this.#answer(request);
    return dnsPacket.encode({ ...short, flags: (short.flags ?? 0) | dnsPacket.TRUNCATED_RESPONSE });
  }

  #answer(request: Packet): Packet {
    const question = request.questions?.[0];
    const found = question ? this.#zone.answer(question) : null;
    const rcode = RESPONSE_CODES[found?.rcode ?? 'NOTIMP'];
    const packet: Packet = {
      type: 'response',
      id: request.id ?? 0,
      flags:
        AUTHORITATIVE_ANSWER |
        ((request.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
        (found?.authentic ? dnsPacket.AUTHENTIC_DATA : 0) |
        rcode,
      questions: request.questions ?? [],
      answers: [...(found?.answers ?? [])],
    };
    // RFC 2308 §3: without an SOA a resolver may not remember that there is nothing.
    if (packet.answers?.length === 0) packet.authorities = [START_OF_AUTHORITY];
    return packet;
  }
}

const START_OF_AUTHORITY = {
  type: 'SOA',
  name: '.',
  ttl: 5,
  data: {
    mname: 'ns.lab.example',
    rname: 'hostmaster.lab.example',
    serial: 1,
    refresh: 60,
    retry: 60,
    expire: 60,
    minimum: 5,
  },
} as const;
