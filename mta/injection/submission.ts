/**
 * Listeners that take mail for the world: `submission` from users who sign in, `internal` from trusted peers. 250 only
 * after the group commit. Nobody relays without rights: a caller has pools, and may be bound to sender domains.
 */
import type { SMTPServerAddress, SMTPServerDataStream, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import type { RecipientDsn } from '../../store/spool-extras.ts';
import type { MtaSettings } from '../settings.ts';
import type { InternalListener, ListenerSettings } from '../settings-injection.ts';
import { type AdmitParts, admit, type Envelope, leaveOut, refuseFull } from './admit.ts';
import { type Caller, checkSender, poolFor } from './caller.ts';
import { envelopeAddress } from './envelope-address.ts';
import { type GroupCommit, SpoolBusy } from './group-commit.ts';
import { type Listening, startListener } from './listener.ts';
import { readMessage } from './message.ts';
import type { Rates } from './rates.ts';
import { readData } from './read-data.ts';
import type { ReadingBudget } from './reading-budget.ts';
import { receivedLine } from './received.ts';
import { RefusedMessage } from './refusal.ts';
import type { SignIn } from './sign-in.ts';
import { refuseSuppressed } from './suppression-check.ts';
import { trusting } from './trusted-peers.ts';

/** What every way in shares. */
export interface InjectionParts extends AdmitParts {
  readonly settings: MtaSettings;
  readonly spool: GroupCommit;
  readonly signIn: SignIn;
  readonly rates: Rates;
  readonly reading: ReadingBudget;
  /** ms since 1970. */
  readonly now: () => number;
  /** Why no mail can be taken now (backlog, disk, database), for the client to read; null: it can. */
  readonly accepting: () => string | null;
  /** Told after the commit of mail for these providers (null: not routed yet). */
  readonly accepted: (pool: string, providers: ReadonlySet<string | null>) => void;
}

/** Failed sign-ins after which a connection ends; more are counted by address (failed-sign-ins.ts). */
const FAILURES_A_CONNECTION = 3;

/** Starts the listener of users. */
export function startSubmission(parts: InjectionParts, listener: ListenerSettings): Promise<Listening> {
  const failures = new WeakMap<SMTPServerSession, number>();
  return start(
    parts,
    listener,
    'submission',
    {
      authMethods: ['PLAIN', 'LOGIN'],
      // Decided per session in onAuth: a password in clear is only taken from loopback.
      allowInsecureAuth: true,
      authRequiredMessage: '5.7.0 Sign in first (AUTH PLAIN or LOGIN)',
      onAuth({ username = '', password, authzid }, session, done) {
        const { remoteAddress } = session;
        if (!session.secure && !passwordsInClear(remoteAddress, listener))
          return done(new RefusedMessage(538, '5.7.11 Encryption required for AUTH: use STARTTLS'));
        // RFC 4616: acting for somebody else is a right nobody has.
        if (authzid !== undefined && authzid !== '' && authzid !== username)
          return done(new RefusedMessage(535, '5.7.8 Acting for another user is not supported'));
        parts.signIn.signIn(username, password ?? '', remoteAddress).then(
          (user) => done(null, { user }),
          (error: unknown) => {
            const refusal = toReply(error, parts.settings);
            const failed = (failures.get(session) ?? 0) + 1;
            failures.set(session, failed);
            if (failed < FAILURES_A_CONNECTION) return done(refusal);
            return done(new RefusedMessage(421, `4.7.0 ${failed} sign-ins failed on this connection`));
          },
        );
      },
    },
    (session) => parts.signIn.current((session.user as Caller).name),
    (address) => passwordsInClear(address, listener),
  );
}

/** Starts a listener of trusted peers. */
export function startInternal(parts: InjectionParts, listener: InternalListener): Promise<Listening> {
  const { pools, domains, tenants = [], streams = [], rate } = listener;
  const caller: Caller = { name: `internal:${listener.port}`, pools, domains, tenants, streams, rate };
  const trusted = trusting(listener.peers);
  return start(
    parts,
    listener,
    'internal',
    {
      disabledCommands: ['AUTH'],
      onConnect({ remoteAddress }, done) {
        if (trusted(remoteAddress)) return done();
        parts.settings.log('internal-refused', { address: remoteAddress });
        return done(new RefusedMessage(554, '5.7.1 This address is not among the peers of this listener'));
      },
    },
    async () => caller,
  );
}

function start(
  parts: InjectionParts,
  listener: ListenerSettings,
  name: string,
  handlers: SMTPServerOptions,
  callerOf: (session: SMTPServerSession) => Promise<Caller>,
  authInClear?: (address: string) => boolean,
): Promise<Listening> {
  const { settings } = parts;
  const { hostname, log } = settings;
  const limits = settings.injection?.limits;
  const maxBytes = settings.submission.maxBytes;
  const options = { hostname, log, name, limits, maxBytes, ...(authInClear && { authInClear }) };
  /** Answers a command with what the promise says. */
  const answer = <T>(work: Promise<T>, done: (error?: Error | null, value?: T) => void): void => {
    work.then(
      (value) => done(null, value),
      (error: unknown) => done(toReply(error, settings)),
    );
  };
  return startListener(listener, options, {
    ...handlers,
    hideDSN: false,
    onMailFrom: (address, session, done) => answer(takeSender(parts, address, session, callerOf), done),
    onRcptTo: (address, session, done) => answer(takeRecipient(parts, address, session, callerOf), done),
    onData: (stream, session, done) => answer(takeMessage(parts, stream, session, callerOf), done),
  });
}

async function takeSender(
  parts: InjectionParts,
  sender: SMTPServerAddress,
  session: SMTPServerSession,
  callerOf: (session: SMTPServerSession) => Promise<Caller>,
): Promise<void> {
  refuseWhenFull(parts);
  const caller = await callerOf(session);
  checkSender(caller, senderAddress(sender.address, session), 'MAIL FROM');
  const size = sender.args === false ? undefined : sender.args.SIZE;
  parts.reading.check(typeof size === 'string' ? Number(size) : 0);
}

async function takeRecipient(
  parts: InjectionParts,
  recipient: SMTPServerAddress,
  session: SMTPServerSession,
  callerOf: (session: SMTPServerSession) => Promise<Caller>,
): Promise<void> {
  const { address } = envelopeAddress(recipient.address, session.envelope.smtpUtf8 === true);
  const { pools } = await callerOf(session);
  // With several pools the header decides, which has not come yet.
  const entry = await parts.suppression.recipient(address, pools.length === 1 ? (pools[0] ?? '') : '');
  if (entry !== undefined) throw refuseSuppressed(address, entry);
}

async function takeMessage(
  parts: InjectionParts,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  callerOf: (session: SMTPServerSession) => Promise<Caller>,
): Promise<string> {
  const share = parts.reading.share();
  try {
    const raw = await readData(stream, share.take);
    const caller = await callerOf(session);
    const { settings } = parts;
    const now = parts.now();
    const smtpUtf8 = session.envelope.smtpUtf8 === true;
    const received = receivedLine(hopOf(session), settings.hostname, now);
    const asItCame = (named?: string) => parts.toUpstream?.(poolFor(caller, named)) === true;
    const incoming = readMessage(raw, { received, hostname: settings.hostname, now, smtpUtf8, asItCame });
    const admitted = admit(parts, caller, envelopeOf(session), incoming, now);
    const { message, left } = await leaveOut(parts.suppression, admitted);
    await refuseFull(parts, message);
    await parts.rates.take(caller, message.recipients.length);
    const { message: id } = await parts.spool.submit(message).catch((error: unknown) => {
      parts.rates.giveBack(caller, message.recipients.length);
      throw error;
    });
    parts.accepted(message.pool, new Set(message.recipients.map((recipient) => recipient.provider)));
    return [`2.0.0 Ok: queued as ${id}`, ...notes(message, left)].join('; ');
  } finally {
    share.free();
  }
}

function notes(message: { oneClick?: boolean; recipients: readonly unknown[] }, suppressed: number): string[] {
  const said: string[] = [];
  const all = message.recipients.length + suppressed;
  if (suppressed > 0) said.push(`${suppressed} of ${all} recipients left out: on the suppression list`);
  if (message.oneClick === false) said.push('no one-click List-Unsubscribe (RFC 8058): kept off cold lanes');
  return said;
}

function envelopeOf(session: SMTPServerSession): Envelope {
  const { envelope } = session;
  const smtpUtf8 = envelope.smtpUtf8 === true;
  const { ret = null, envid = null } = envelope.dsn ?? {};
  return {
    mailFrom: envelope.mailFrom === false ? '' : senderAddress(envelope.mailFrom.address, session),
    ...(ret === null && envid === null ? {} : { dsn: { ret: ret as 'FULL' | 'HDRS' | null, envid } }),
    recipients: envelope.rcptTo.map(({ address, dsn }) => ({ ...envelopeAddress(address, smtpUtf8), ...wishes(dsn) })),
  };
}

function wishes(dsn: SMTPServerAddress['dsn']): RecipientDsn {
  return {
    ...(dsn?.notify === undefined ? {} : { notify: dsn.notify.join(',') }),
    ...(dsn?.orcpt === undefined ? {} : { orcpt: dsn.orcpt }),
  };
}

function senderAddress(address: string, session: SMTPServerSession): string {
  return address === '' ? '' : envelopeAddress(address, session.envelope.smtpUtf8 === true).address;
}

function hopOf(session: SMTPServerSession) {
  const { hostNameAppearsAs, remoteAddress, id, transaction, transmissionType, envelope } = session;
  // RFC 6531 §4.3: UTF8SMTP, UTF8SMTPS, UTF8SMTPA, UTF8SMTPSA.
  const protocol = envelope.smtpUtf8 ? transmissionType.replace(/^E?SMTP/, 'UTF8SMTP') : transmissionType;
  return { helo: hostNameAppearsAs || '', address: remoteAddress, protocol, id: `${id}.${transaction}` };
}

/** Throws 451 with the reason when no mail can be taken: asked before a body is sent, not after it. */
export function refuseWhenFull({ accepting }: Pick<InjectionParts, 'accepting'>): void {
  const reason = accepting();
  if (reason !== null) throw new RefusedMessage(451, `4.3.1 No mail is taken now: ${reason}`, 30);
}

/** The reply to a failure; what is not a refusal is logged, and not told to the client. */
export function toReply(error: unknown, settings: Pick<MtaSettings, 'log'>): RefusedMessage {
  if (error instanceof RefusedMessage) return error;
  if (error instanceof SpoolBusy) return new RefusedMessage(451, `4.3.1 Busy: ${error.message}`, 5);
  settings.log('injection-failed', { error: (error as Error).message });
  return new RefusedMessage(451, '4.3.0 The spool can not be written now, try again later', 10);
}

/** Loopback, unless it is a proxy's: its clients are somewhere else. */
export function passwordsInClear(address: string, listener: ListenerSettings): boolean {
  if (listener.proxyFrom?.includes(address)) return false;
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}
