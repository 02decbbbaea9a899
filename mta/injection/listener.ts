/**
 * The machinery of every SMTP listener, whatever its role: binding, TLS and its reload, the PROXY protocol, and the
 * limits on clients. What a role takes is in the handlers it passes (submission.ts, feedback/inbound.ts).
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { SMTPServer, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { INJECTION_LIMITS, type InjectionLimits } from '../../policy/injection.ts';
import type { ListenerSettings } from '../settings-injection.ts';
import { NetworkCount } from './client-network.ts';
import { Server } from './connection.ts';
import { RefusedMessage } from './refusal.ts';

export interface Listening {
  readonly port: number;
  /** Reads the certificate again; idempotent. A broken file is logged, and the old certificate stays. */
  reload(): void;
  /** Takes no new connections, gives the others a moment; idempotent. */
  stop(): Promise<void>;
}

export interface ListenerOptions {
  readonly hostname: string;
  /** Largest message, bytes. */
  readonly maxBytes: number;
  readonly limits?: Partial<InjectionLimits> | undefined;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
  /** Begins the names of its log events. */
  readonly name: string;
  /** Of a listener whose clients sign in: may this one do so without TLS? */
  readonly authInClear?: (address: string) => boolean;
}

/** sendmail's jokes, and what lets a client say that it is somebody else. */
const NEVER = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];

/**
 * Starts a listener. Two MTA processes share one port (SO_REUSEPORT, the kernel spreads connections), so limits are
 * those of one process.
 */
export async function startListener(
  settings: ListenerSettings,
  options: ListenerOptions,
  handlers: SMTPServerOptions,
): Promise<Listening> {
  const { log, name } = options;
  const limits = { ...INJECTION_LIMITS, ...options.limits };
  const { onConnect, onMailFrom, onRcptTo, onClose, disabledCommands = [], ...rest } = handlers;
  // Told by the session, so that the PROXY protocol's address counts and not the proxy's.
  const networks = new NetworkCount<string>(limits.perAddress);
  const tls = settings.tls === undefined ? {} : readTls(settings.tls);
  const server = new Server(
    {
      ...tls,
      secure: settings.tls?.implicit === true,
      minVersion: 'TLSv1.2',
      name: options.hostname,
      banner: 'Rampart',
      size: options.maxBytes,
      rejectOversized: true,
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      maxClients: limits.clients,
      maxRecipients: limits.recipients,
      socketTimeout: limits.idle,
      closeTimeout: 2_000,
      useProxy: settings.proxyFrom === undefined ? false : [...settings.proxyFrom],
      ...rest,
      // STARTTLS is not offered without a certificate: smtp-server's own key is public.
      disabledCommands: [...NEVER, ...disabledCommands, ...(settings.tls === undefined ? ['STARTTLS'] : [])],
      onConnect(session, done) {
        if (!networks.add(session.id, session.remoteAddress)) return done(tooManyFrom(session, limits.perAddress));
        return onConnect === undefined ? done() : onConnect(session, done);
      },
      onMailFrom(address, session, done) {
        if (session.transaction > limits.messagesPerConnection)
          return done(refuse(421, `4.7.0 ${limits.messagesPerConnection} messages on one connection: open another`));
        const unknown = unknownParameter(address.args, MAIL_PARAMETERS);
        if (unknown !== undefined) return done(unknown);
        return onMailFrom === undefined ? done() : onMailFrom(address, session, done);
      },
      onRcptTo(address, session, done) {
        const unknown = unknownParameter(address.args, RCPT_PARAMETERS);
        if (unknown !== undefined) return done(unknown);
        return onRcptTo === undefined ? done() : onRcptTo(address, session, done);
      },
      onClose(session, done) {
        networks.remove(session.id);
        onClose?.(session, done);
      },
    },
    {
      session: limits.session,
      authInClear: options.authInClear,
      signIn: options.authInClear === undefined ? undefined : limits.signIn,
      onBadProxy: (proxy, error) => log(`${name}-proxy-refused`, { proxy, error: error.message }),
    },
  );
  server.on('error', (error: Error) => log(`${name}-error`, { error: error.message }));
  const { port, stop } = await listen(server, settings);
  return { port, stop, reload: () => reload(server, settings, options) };
}

function tooManyFrom(session: SMTPServerSession, most: number): Error {
  return refuse(421, `4.7.0 Too many connections from [${session.remoteAddress}]: at most ${most}`);
}

const MAIL_PARAMETERS = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'RET', 'ENVID', 'AUTH']);
const RCPT_PARAMETERS = new Set(['NOTIFY', 'ORCPT']);

/** RFC 5321 §4.1.1.11: a parameter we do not know may change what the client wants; it must hear that we do not. */
function unknownParameter(args: object | false, known: ReadonlySet<string>): Error | undefined {
  const name = Object.keys(args || {}).find((key) => !known.has(key));
  if (name === undefined) return undefined;
  return refuse(555, `5.5.4 Parameter ${name.slice(0, 40).replace(/[^ -~]/g, '?')} is not known here`);
}

function refuse(reply: number, message: string): Error {
  return new RefusedMessage(reply, message);
}

/** Reads a certificate and its key; throws when they can not be used together. */
export function readTls(files: { readonly cert: string; readonly key: string }): { cert: Buffer; key: Buffer } {
  const tls = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  createSecureContext(tls);
  return tls;
}

function reload(server: SMTPServer, settings: ListenerSettings, { log, name }: ListenerOptions): void {
  if (settings.tls === undefined) return;
  try {
    // Checked before the server hears of it: it would forget the old one first.
    server.updateSecureContext(readTls(settings.tls));
    log(`${name}-certificate-reloaded`, { cert: settings.tls.cert });
  } catch (error) {
    log(`${name}-certificate-kept`, { cert: settings.tls.cert, error: (error as Error).message });
  }
}

/** Binds a server and returns its port and an idempotent stop. */
export async function listen(
  server: SMTPServer,
  listener: Pick<ListenerSettings, 'host' | 'port'>,
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
