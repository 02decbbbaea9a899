/**
 * A provider's own door to the IMAP server: all seed mailboxes live in one Dovecot, but each provider's can fail by itself.
 * Normally it passes bytes on. In a `seed-outage` it drops what is open and closes new connections at once, never answers,
 * or speaks just enough IMAP (RFC 9051) to refuse the log-in. Dovecot is left alone on purpose: after a few log-ins it
 * refused it would make everybody from this address wait for seconds, which here are days.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import readline from 'node:readline';
import type { Scenario } from './scenario.ts';
import type { Schedule } from './schedule.ts';

const HOST = '127.0.0.1';
const LOOK_MS = 100;

type Outage = 'unreachable' | 'login-refused' | 'silent';

export interface ImapGates {
  /** Where the seeds of a provider are reached. Throws a RangeError if it has none. */
  portOf(provider: string): number;
  stop(): Promise<void>;
}

/** A door for every provider that has seeds. */
export async function startImapGates(options: {
  scenario: Scenario;
  schedule: Schedule;
  imapPort: number;
}): Promise<ImapGates> {
  const { scenario, schedule, imapPort } = options;
  const gates = new Map<string, ImapGate>();
  for (const { key, seeds } of scenario.providers) {
    if (seeds === 0) continue;
    const gate = new ImapGate(imapPort, () => schedule.at(key, 'seed-outage')[0]?.how);
    await gate.start();
    gates.set(key, gate);
  }
  return {
    portOf: (provider) => {
      const gate = gates.get(provider);
      if (!gate) throw new RangeError(`${provider} has no seed mailboxes`);
      return gate.port;
    },
    stop: async () => void (await Promise.all([...gates.values()].map((gate) => gate.stop()))),
  };
}

class ImapGate {
  readonly #imapPort: number;
  readonly #outage: () => Outage | undefined;
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((socket) => this.#serve(socket));
  #timer: NodeJS.Timeout | null = null;
  port = 0;

  constructor(imapPort: number, outage: () => Outage | undefined) {
    this.#imapPort = imapPort;
    this.#outage = outage;
  }

  async start(): Promise<void> {
    this.#server.listen(0, HOST);
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    let before: Outage | undefined;
    this.#timer = setInterval(() => {
      const now = this.#outage();
      // Who was inside when it began, or when it ended, does not stay.
      if (now !== before) for (const socket of this.#sockets) socket.destroy();
      before = now;
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    switch (this.#outage()) {
      case 'unreachable':
        return void socket.destroy();
      case 'silent':
        return void socket.resume();
      case 'login-refused':
        refuseLogin(socket);
        return;
      default: {
        const inner = net.connect(this.#imapPort, HOST);
        inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
        socket.on('close', () => inner.destroy());
        socket.pipe(inner).pipe(socket);
      }
    }
  }
}

function refuseLogin(socket: net.Socket): void {
  const say = (line: string) => void (socket.writable && socket.write(`${line}\r\n`));
  say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] ready');
  /** Tag of an AUTHENTICATE that waits for the client's part. */
  let waiting: string | null = null;
  const refuse = (tag: string) => say(`${tag} NO [AUTHENTICATIONFAILED] Authentication failed.`);
  readline.createInterface({ input: socket }).on('line', (line) => {
    if (waiting !== null) {
      refuse(waiting);
      waiting = null;
      return;
    }
    const [tag = '*', command = '', , initial] = line.split(' ');
    switch (command.toUpperCase()) {
      case 'CAPABILITY':
        say('* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN');
        return say(`${tag} OK`);
      case 'AUTHENTICATE':
        if (initial !== undefined) return refuse(tag);
        waiting = tag;
        return say('+ ');
      case 'LOGIN':
        return refuse(tag);
      case 'LOGOUT':
        say('* BYE');
        say(`${tag} OK`);
        return void socket.end();
      case 'NOOP':
      case 'ID':
        return say(`${tag} OK`);
      default:
        return say(`${tag} BAD log in first`);
    }
  });
}
