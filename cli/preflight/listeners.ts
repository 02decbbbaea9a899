/** Looks at the certificates of the configured listeners: the files, and what is served to whoever connects. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls, { createSecureContext } from 'node:tls';
import { type Check, pass, warn } from '../../policy/preflight/check.ts';
import { judgeListener } from '../../policy/preflight/listener.ts';
import type { ResolvedConfig } from '../config/resolved.ts';

const LIMIT_MS = 3_000;

interface Listener {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicit: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export async function checkListeners({ mta }: Pick<ResolvedConfig, 'mta'>, now: number): Promise<Check[]> {
  const { submission, inbound, injection } = mta;
  const all: Listener[] = [
    { ...submission, implicit: false },
    ...(inbound === undefined ? [] : [{ ...inbound, implicit: false }]),
    ...injection.listeners.map((one) => ({ ...one, implicit: one.tls?.implicit === true })),
    ...(injection.http === undefined ? [] : [{ ...injection.http, implicit: true }]),
  ];
  const open = all.filter((one) => one.tls === undefined && !isLoopback(one.host));
  const secured = all.filter((one) => one.tls !== undefined);
  return [
    ...open.map((one) =>
      warn('tls', at(one), 'it takes mail from the network in clear', 'give the listener tls: { cert, key }'),
    ),
    ...(await Promise.all(secured.map((one) => checkListener(one, mta.hostname, now)))),
    ...(open.length + secured.length === 0 ? [pass('tls', 'listeners', 'they take mail of this machine only')] : []),
  ];
}

async function checkListener(listener: Listener, name: string, now: number): Promise<Check> {
  const found = { at: at(listener), name, now, serves: 'nothing' as const };
  try {
    const [cert, key] = await Promise.all([readFile(listener.tls?.cert ?? ''), readFile(listener.tls?.key ?? '')]);
    // Throws when they are not PEM, or the key is another one's.
    createSecureContext({ cert, key });
    const certificate = new X509Certificate(cert);
    const served = await servedBy(listener).catch(() => undefined);
    return judgeListener({
      ...found,
      problem: null,
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
      covers: certificate.checkHost(name) !== undefined,
      serves: served === undefined ? 'nothing' : served === certificate.fingerprint256 ? 'same' : 'other',
    });
  } catch (error) {
    return judgeListener({ ...found, problem: `its certificate can not be used: ${(error as Error).message}` });
  }
}

/** Fingerprint of the certificate that a listener shows now. Rejects when nothing answers. */
async function servedBy({ host, port, implicit }: Listener): Promise<string> {
  if (port === 0) throw new Error('it has whatever port is free');
  const signal = AbortSignal.timeout(LIMIT_MS);
  const where = host === '0.0.0.0' ? '127.0.0.1' : host;
  const plain = net.connect({ host: where, port, signal });
  plain.on('error', () => {});
  try {
    await once(plain, 'connect', { signal });
    if (!implicit) await startTls(plain, signal);
    // Whose it is does not matter here: it is compared with the file.
    const secure = tls.connect({ socket: plain, rejectUnauthorized: false });
    secure.on('error', () => {});
    await once(secure, 'secureConnect', { signal });
    return secure.getPeerX509Certificate()?.fingerprint256 ?? '';
  } finally {
    plain.destroy();
  }
}

/** RFC 3207, no more than is needed to get there. */
async function startTls(socket: net.Socket, signal: AbortSignal): Promise<void> {
  let heard = '';
  const reply = async () => {
    while (!/^\d{3} .*\r\n/m.test(heard)) {
      const [chunk] = await once(socket, 'data', { signal });
      heard += String(chunk);
    }
    heard = '';
  };
  await reply();
  for (const command of ['EHLO preflight.invalid', 'STARTTLS']) {
    socket.write(`${command}\r\n`);
    await reply();
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function at({ host, port }: Listener): string {
  return `${host}:${port}`;
}
