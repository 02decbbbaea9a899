/** An SMTP client that sends exactly the bytes it is told. */
import net from 'node:net';
import tls from 'node:tls';
import { until } from './mail-world.ts';

export class Raw {
  #socket: net.Socket;
  #text = '';
  closed = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static open(host: string, port: number): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, host, () => resolve(new Raw(socket)));
      socket.setNoDelay(true);
      socket.once('error', reject);
    });
  }

  /** The same after its greeting. */
  static async greeted(host: string, port: number): Promise<Raw> {
    const client = await Raw.open(host, port);
    await client.reply();
    return client;
  }

  static implicit(host: string, port: number): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host, port, rejectUnauthorized: false }, () => resolve(new Raw(socket)));
      socket.once('error', reject);
    });
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.closed = true;
    });
  }

  /** The next whole reply. */
  async reply(): Promise<string> {
    const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/;
    await until('a reply', () => whole.test(this.#text), 15_000);
    const [reply = ''] = whole.exec(this.#text) ?? [];
    this.#text = this.#text.slice(reply.length);
    return reply;
  }

  /** What came and was not asked for. */
  get unread(): string {
    return this.#text;
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  async all(...lines: string[]): Promise<string> {
    let last = '';
    for (const line of lines) last = await this.say(line);
    return last;
  }

  data(bytes: string): Promise<string> {
    this.write(bytes);
    this.write('\r\n.\r\n');
    return this.reply();
  }

  async secure(): Promise<tls.PeerCertificate> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const secured = await new Promise<tls.TLSSocket>((resolve, reject) => {
      const socket = tls.connect({ socket: plain, rejectUnauthorized: false }, () => resolve(socket));
      socket.once('error', reject);
    });
    this.#socket = secured;
    this.#listen();
    return secured.getPeerCertificate();
  }

  get certificate(): tls.PeerCertificate {
    return (this.#socket as tls.TLSSocket).getPeerCertificate();
  }

  close(): void {
    this.#socket.destroy();
  }
}

export function plain(user: string, password: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`;
}
