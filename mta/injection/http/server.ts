/**
 * `POST /v1/messages`: mail over HTTP, for applications that would rather not speak SMTP. The same users, rights, rates
 * and limits as the submission listener; HTTP Basic (RFC 7617), because its names and passwords are the same too.
 */
import { createHash, randomUUID } from 'node:crypto';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { INJECTION_LIMITS } from '../../../policy/injection.ts';
import type { ListenerSettings } from '../../settings-injection.ts';
import type { Caller } from '../caller.ts';
import { type Listening, readTls } from '../listener.ts';
import { RefusedMessage } from '../refusal.ts';
import { passwordsInClear, refuseWhenFull, toReply } from '../submission.ts';
import { acceptRequest, type HttpParts } from './accept.ts';
import { type Answer, CHALLENGE, failure, fromRefusal, send } from './answer.ts';
import { Clients } from './clients.ts';
import { hasMoreValues } from './json-values.ts';
import { knownAnswer } from './once.ts';
import { readBody, refuseBody } from './read-body.ts';
import { checkRequest } from './request.ts';

const PATH = '/v1/messages';
/** Base64 of an attachment is a third longer than its bytes; the rest is JSON. */
const JSON_GROWTH = 1.4;
const JSON_SLACK = 1_000_000;
/** A thousand recipients with a hundred values each. */
const MOST_VALUES = 250_000;

/** Starts the listener; processes share its port like those of SMTP. */
export async function startHttp(parts: HttpParts, listener: ListenerSettings): Promise<Listening> {
  const { log, injection = {} } = parts.settings;
  const limits = { ...INJECTION_LIMITS, ...injection.limits };
  const serve: http.RequestListener = (request, response) => {
    answer(parts, listener, request, clients.of(request.socket)).then(
      (given) => {
        // What was not read to its end would be taken for the next request.
        if (!request.complete) response.setHeader('Connection', 'close');
        send(response, given);
      },
      (error: Error) => {
        log('http-failed', { error: error.message });
        response.destroy();
      },
    );
  };
  const options = { requestTimeout: limits.idle, headersTimeout: 20_000, keepAliveTimeout: 65_000 };
  const server =
    listener.tls === undefined
      ? http.createServer(options, serve)
      : https.createServer({ ...options, ...readTls(listener.tls), minVersion: 'TLSv1.2' }, serve);
  server.maxConnections = limits.clients;
  const clients = new Clients(server, listener.proxyFrom ?? [], limits.perAddress, (proxy, error) =>
    log('http-proxy-refused', { proxy, error: error.message }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listener.host, port: listener.port, reusePort: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log('http-error', { error: error.message }));
  let stopped: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    reload: () => reload(server, listener, log),
    stop: () => {
      stopped ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 10_000).unref();
      });
      return stopped;
    },
  };
}

function reload(server: http.Server | https.Server, listener: ListenerSettings, log: HttpParts['settings']['log']) {
  if (listener.tls === undefined || !('setSecureContext' in server)) return;
  try {
    server.setSecureContext({ ...readTls(listener.tls), minVersion: 'TLSv1.2' });
    log('http-certificate-reloaded', { cert: listener.tls.cert });
  } catch (error) {
    log('http-certificate-kept', { cert: listener.tls.cert, error: (error as Error).message });
  }
}

async function answer(
  parts: HttpParts,
  listener: ListenerSettings,
  request: IncomingMessage,
  address: string,
): Promise<Answer> {
  try {
    return await handle(parts, listener, request, address);
  } catch (error) {
    return fromRefusal(toReply(error, parts.settings));
  }
}

async function handle(
  parts: HttpParts,
  listener: ListenerSettings,
  request: IncomingMessage,
  address: string,
): Promise<Answer> {
  // A target such as `//` is none: that is no fault of ours to be told as one.
  if (URL.parse(request.url ?? '/', 'http://localhost')?.pathname !== PATH)
    return failure(404, 'not-found', `There is POST ${PATH} here, and nothing else`);
  if (request.method !== 'POST')
    return failure(405, 'not-allowed', `Use POST for ${PATH}`, { headers: { Allow: 'POST' } });
  const secure = (request.socket as TLSSocket).encrypted === true;
  if (!secure && !passwordsInClear(address, listener))
    return failure(403, 'not-encrypted', 'Passwords are taken in clear from loopback only: use https');
  const caller = await signIn(parts, request, address);
  if (caller === undefined)
    return failure(401, 'not-signed-in', 'Sign in with HTTP Basic', { headers: { 'WWW-Authenticate': CHALLENGE } });

  refuseWhenFull(parts);
  const most = Math.floor(parts.settings.submission.maxBytes * JSON_GROWTH) + JSON_SLACK;
  const refused = refuseBody(request, most);
  if (refused !== undefined) return refused;
  const share = parts.reading.share();
  try {
    parts.reading.check(Number(request.headers['content-length'] ?? 0));
    const body = await readBody(request, most, share.take);
    if (!Buffer.isBuffer(body)) return body;
    const key = request.headers['idempotency-key'];
    if (key !== undefined && !/^[!-~]{1,255}$/.test(String(key)))
      return failure(400, 'bad-key', 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces');
    const idempotency =
      key === undefined
        ? undefined
        : { of: { user: caller.name, key: String(key) }, hash: createHash('sha256').update(body).digest() };
    const known = idempotency && (await knownAnswer(parts.store, idempotency.of, idempotency.hash));
    if (known !== undefined) return known;
    if (hasMoreValues(body, MOST_VALUES))
      return failure(413, 'too-large', `The body has more than ${MOST_VALUES} JSON values: name fewer recipients`);
    const given = parse(body);
    if (given === undefined) return failure(400, 'bad-json', 'The body is not JSON in UTF-8');
    const checked = checkRequest(given, parts.recipients);
    return await acceptRequest(parts, checked, {
      caller,
      address,
      secure,
      id: randomUUID(),
      take: share.take,
      ...(idempotency === undefined ? {} : { idempotency }),
    });
  } finally {
    share.free();
  }
}

/** The caller of HTTP Basic (RFC 7617); undefined: they did not say. Throws RefusedMessage when they may not. */
async function signIn(parts: HttpParts, request: IncomingMessage, address: string): Promise<Caller | undefined> {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || /\p{Cc}/u.test(text)) throw new RefusedMessage(535, '5.7.8 The Basic credentials can not be read');
  return parts.signIn.signIn(text.slice(0, colon), text.slice(colon + 1), address);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) ?? null;
  } catch {
    return undefined;
  }
}
