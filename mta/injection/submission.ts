/** The submission listener: authenticated users hand in mail; 250 only after the group commit. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { SpoolMessage } from '../../store/spool.ts';
import type { ListenerSettings, MtaSettings, SubmissionUser } from '../settings.ts';
import { type GroupCommit, SpoolBusy } from './group-commit.ts';
import { RefusedMessage, readMessage } from './message.ts';

export interface SubmissionParts {
  readonly settings: MtaSettings;
  readonly spool: GroupCommit;
  /** Provider of a domain when it is already known; unknown ones are routed after the commit. */
  readonly providerOf: (domain: string) => string | null;
  /** ms until a message of this pool and stream expires. */
  readonly lifetime: (pool: string, stream: 'marketing' | 'transactional') => number;
  readonly knownPools: () => ReadonlySet<string>;
  readonly accepted: (pool: string, providers: ReadonlySet<string | null>) => void;
}

class Refusal extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

/** Starts the listener; two MTA processes share one port (SO_REUSEPORT, the kernel spreads connections). */
export async function startSubmission(parts: SubmissionParts): Promise<{ port: number; stop(): Promise<void> }> {
  const { settings } = parts;
  const server = new SMTPServer({
    ...tlsOptions(settings.submission),
    name: settings.hostname,
    banner: 'Rampart',
    size: settings.submission.maxBytes,
    rejectOversized: true,
    hideENHANCEDSTATUSCODES: false,
    authMethods: ['PLAIN', 'LOGIN'],
    // Decided per session in onAuth: a password in clear is only taken from loopback.
    allowInsecureAuth: true,
    disableReverseLookup: true,
    maxClients: 500,
    socketTimeout: 120_000,
    closeTimeout: 2_000,
    onAuth(auth, session, done) {
      if (!session.secure && !isLoopback(session.remoteAddress)) {
        return done(new Refusal(538, '5.7.11 Encryption required for AUTH: use STARTTLS'));
      }
      const user = settings.submission.users.find((candidate) => candidate.name === auth.username);
      const right = samePassword(user?.password ?? '', auth.password ?? '');
      if (user === undefined || !right) return done(new Refusal(535, '5.7.8 Authentication failed'));
      return done(null, { user });
    },
    onData(stream, session, done) {
      receive(parts, stream, session).then(
        (text) => done(null, text),
        (error) => done(toReply(error, settings)),
      );
    },
  });
  server.on('error', (error: Error) => settings.log('submission-error', { error: error.message }));
  return listen(server, settings.submission);
}

async function receive(
  parts: SubmissionParts,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<string> {
  const chunks: Buffer[] = [];
  // The rest of what is too large is read and thrown away: the client is owed its 552, not our memory.
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk as Buffer);
  if (stream.sizeExceeded) throw new Refusal(552, '5.3.4 Message is larger than this server takes');
  const user = session.user as SubmissionUser;
  const { settings } = parts;
  const received = `from ${session.hostNameAppearsAs || 'unknown'} ([${session.remoteAddress}])\r\n\tby ${settings.hostname} with ${session.transmissionType} id ${session.id};\r\n\t${new Date().toUTCString().replace('GMT', '+0000')}`;
  const incoming = readMessage(Buffer.concat(chunks), received);
  const pool = incoming.control.pool ?? user.pools[0] ?? '';
  if (!user.pools.includes(pool)) throw new Refusal(550, `5.7.1 User ${user.name} may not send through pool "${pool}"`);
  if (!parts.knownPools().has(pool)) throw new Refusal(451, `4.3.5 Pool "${pool}" has no address yet`);
  const { control } = incoming;
  const message: SpoolMessage = {
    ...control,
    raw: incoming.raw,
    messageId: incoming.messageId,
    mailFrom: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
    pool,
    expires: (control.notBefore ?? Date.now()) + parts.lifetime(pool, control.stream),
    recipients: session.envelope.rcptTo.map(({ address }) => {
      const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
      return { rcpt: address, domain, provider: parts.providerOf(domain) };
    }),
  };
  const { message: id } = await parts.spool.submit(message);
  parts.accepted(pool, new Set(message.recipients.map((recipient) => recipient.provider)));
  return `2.0.0 Ok: queued as ${id}`;
}

function toReply(error: unknown, settings: MtaSettings): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RefusedMessage) return new Refusal(error.reply, error.message);
  if (error instanceof SpoolBusy) return new Refusal(451, `4.3.1 Busy: ${error.message}`);
  settings.log('spool-failed', { error: (error as Error).message });
  return new Refusal(451, '4.3.0 The spool can not be written now, try again later');
}

function samePassword(expected: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** TLS of a listener; without a certificate STARTTLS is not offered (smtp-server's own key is public). */
export function tlsOptions(listener: ListenerSettings): { cert?: Buffer; key?: Buffer; disabledCommands?: string[] } {
  if (listener.tls === undefined) return { disabledCommands: ['STARTTLS'] };
  return { cert: readFileSync(listener.tls.cert), key: readFileSync(listener.tls.key) };
}

/** Binds a server and returns its port and an idempotent stop. */
export async function listen(
  server: SMTPServer,
  listener: ListenerSettings,
): Promise<{ port: number; stop(): Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listener.host, port: listener.port, reusePort: true } as never, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listener.port;
  let stopped: Promise<void> | undefined;
  return {
    port,
    stop: () => {
      stopped ??= new Promise((resolve) => server.close(() => resolve()));
      return stopped;
    },
  };
}
