/**
 * A provider's MX hosts: SMTP on each of its loopback addresses, all on one port. Sockets only; provider.ts decides.
 * No AUTH, no TLS and no reverse look-ups: the lab measures its guest, not OpenSSL.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { authorDomain } from './author-domain.ts';
import type { Reply } from './dialect-parts.ts';
import { campaignOf, headerBlock, headerValue } from './message-headers.ts';
import type { MessageAnswer, Provider } from './provider.ts';
import type { ReceivedLine } from './records.ts';

const MAX_KEPT_BYTES = 1 << 20;

/** A message a provider accepted, as the rest of the world needs it. */
export interface Arrival {
  readonly provider: string;
  readonly sourceIp: string;
  readonly ehlo: string;
  readonly mxIp: string;
  readonly mxName: string;
  readonly mailFrom: string;
  readonly rcpts: readonly string[];
  readonly messageId: string;
  /** Whom it answers for (author-domain.ts). */
  readonly authorDomain: string | null;
  readonly headers: string;
  /** At most the first MiB. */
  readonly content: Buffer;
  readonly placement: NonNullable<MessageAnswer['placement']>;
}

export interface ProviderServerOptions {
  readonly provider: Provider;
  /** The MX hosts' names and addresses. */
  readonly hosts: readonly { readonly name: string; readonly ip: string }[];
  readonly now: () => number;
  readonly record: (line: ReceivedLine) => void;
  /** Resolves before the sender gets its 250. */
  readonly deliver: (arrival: Arrival) => Promise<void>;
}

interface SessionState {
  /** Transactions so far. smtp-server counts them too, but only those that got as far as DATA. */
  begun: number;
  tx: string;
  /** Counts among the open connections of its address. */
  admitted: boolean;
  closed: boolean;
  /** Answers 5xx to RCPT or to a message. */
  errors: number;
}

export class ProviderServer {
  readonly #options: ProviderServerOptions;
  readonly #open = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  #servers: SMTPServer[] = [];

  constructor(options: ProviderServerOptions) {
    this.#options = options;
  }

  /** Listens on every MX host; with port 0 the first one finds a port for all. Resolves with it; EADDRINUSE rejects. */
  async listen(port: number): Promise<number> {
    let chosen = port;
    for (const host of this.#options.hosts) {
      const server = this.#serverFor(host);
      this.#servers.push(server);
      chosen = await new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        const listener = server.listen(chosen, host.ip, () => {
          server.off('error', reject);
          // A client that resets its connection is its own trouble, but an unheard 'error' would end the process.
          server.on('error', () => {});
          resolve((listener.address() as AddressInfo).port);
        });
      });
    }
    return chosen;
  }

  /** Drops all connections and stops listening; nothing is recorded or delivered afterwards. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    await Promise.all(this.#underWay);
  }

  #serverFor(host: { name: string; ip: string }): SMTPServer {
    const { provider } = this.#options;
    const states = new WeakMap<SMTPServerSession, SessionState>();
    const stateOf = (session: SMTPServerSession) => {
      const state = states.get(session) ?? { begun: 0, tx: '', admitted: false, closed: false, errors: 0 };
      states.set(session, state);
      return state;
    };
    const answer = (session: SMTPServerSession, say: () => void) => {
      void this.#tarpit(session, stateOf(session)).then((heard) => heard && say());
    };
    return new SMTPServer({
      name: host.name,
      banner: 'ready',
      disableReverseLookup: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      closeTimeout: 10,
      logger: false,
      onConnect: (session, callback) => {
        const ip = session.remoteAddress;
        const open = this.#open.get(ip) ?? 0;
        const refusal = provider.connect(ip, open);
        if (refusal) return callback(errorOf(refusal));
        this.#open.set(ip, open + 1);
        stateOf(session).admitted = true;
        answer(session, callback);
      },
      onClose: (session) => {
        const state = stateOf(session);
        state.closed = true;
        if (!state.admitted) return;
        state.admitted = false;
        this.#open.set(session.remoteAddress, (this.#open.get(session.remoteAddress) ?? 1) - 1);
      },
      onMailFrom: (_address, session, callback) => {
        const state = stateOf(session);
        const refusal = provider.mailFrom(state.begun);
        if (refusal) return callback(errorOf(refusal));
        state.begun += 1;
        state.tx = randomUUID();
        answer(session, callback);
      },
      onRcptTo: ({ address }, session, callback) => {
        const attempt = { sourceIp: session.remoteAddress, mailFrom: senderOf(session), rcpt: address.toLowerCase() };
        const reply = provider.rcpt(attempt);
        this.#options.record({
          kind: 'rcpt',
          t: this.#options.now(),
          tx: stateOf(session).tx,
          provider: provider.spec.key,
          mxIp: host.ip,
          ...attempt,
          ehlo: session.hostNameAppearsAs,
          ...reply,
        });
        if (reply.code >= 500) stateOf(session).errors += 1;
        answer(session, () => callback(reply.code < 300 ? null : errorOf(reply)));
      },
      onData: (stream, session, callback) => {
        const received = this.#receive(stream, session, stateOf(session), host).then(
          (reply) => (reply.code < 300 ? callback(null, reply.text) : callback(errorOf(reply))),
          (cause: Error) => callback(errorOf({ code: 451, text: `4.3.0 the lab failed: ${cause.message}` })),
        );
        this.#underWay.add(received);
        void received.finally(() => this.#underWay.delete(received));
      },
    });
  }

  /** Waits as long as the provider keeps this sender waiting; false if the connection did not last so long. */
  async #tarpit(session: SMTPServerSession, state: SessionState): Promise<boolean> {
    const ms = this.#options.provider.tarpit(session.remoteAddress, state.errors);
    if (ms === 0) return true;
    const { signal } = this.#stopping;
    const waited = await sleep(ms, true, { signal }).catch(() => false);
    return waited && !state.closed;
  }

  async #receive(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    state: SessionState,
    host: { name: string; ip: string },
  ): Promise<Reply> {
    const { tx } = state;
    const content = await contentOf(stream);
    // Before the decision: who hangs up while it waits has not handed over anything.
    if (!(await this.#tarpit(session, state))) return NOBODY_LISTENS;
    const headers = headerBlock(content);
    const { provider } = this.#options;
    const message = {
      sourceIp: session.remoteAddress,
      mailFrom: senderOf(session),
      rcpts: session.envelope.rcptTo.map(({ address }) => address.toLowerCase()),
      messageId: headerValue(headers, 'Message-ID') ?? '',
    };
    const author = authorDomain(headers);
    const { reply, accepted, placement } = provider.data({ ...message, authorDomain: author });
    if (reply.code >= 500) state.errors += 1;
    const base = { provider: provider.spec.key, ...message };
    if (placement) {
      const ehlo = session.hostNameAppearsAs;
      const mx = { mxIp: host.ip, mxName: host.name };
      await this.#options.deliver({ ...base, ...mx, authorDomain: author, ehlo, headers, content, placement });
    }
    const campaign = campaignOf(headers);
    this.#options.record({
      kind: 'data',
      t: this.#options.now(),
      tx,
      ...base,
      campaign,
      ...reply,
      accepted,
      placement,
    });
    return reply;
  }
}

// Never sent: its connection is gone.
const NOBODY_LISTENS: Reply = { code: 421, text: '4.4.2 Connection lost' };

function senderOf(session: SMTPServerSession): string {
  return session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
}

function errorOf(reply: Reply): Error {
  return Object.assign(new Error(reply.text), { responseCode: reply.code });
}

async function contentOf(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let kept = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    // The rest is read and dropped: a sender must get its answer to a large message too.
    if (kept < MAX_KEPT_BYTES) chunks.push(chunk);
    kept += chunk.length;
  }
  return Buffer.concat(chunks);
}
