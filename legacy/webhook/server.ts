/** The listener webhooks come to: `POST /legacy/NAME`, one path a feed. */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { LegacyListener, Log } from '../settings.ts';
import { type Answer, type Door, failure } from './door.ts';

export interface WebhookServer {
  readonly port: number;
  /** Requests on their way are answered; idempotent. */
  stop(): Promise<void>;
}

/** SendGrid and SNS send less; KumoMTA as much as its batch is told to hold. */
const MOST_BYTES = 10_000_000;
const REQUEST_MS = 30_000;
const CLIENTS = 200;

/** `doors`: by the name of their feed. */
export async function startWebhooks(
  listener: LegacyListener,
  doors: ReadonlyMap<string, Door>,
  log: Log,
): Promise<WebhookServer> {
  const serve: http.RequestListener = (request, response) => {
    answer(doors, request, log).then(
      (given) => {
        // What was not read to its end would be taken for the next request.
        if (!request.complete) response.setHeader('Connection', 'close');
        send(response, given);
      },
      (error: Error) => {
        log('legacy-webhook-failed', { path: request.url, error: error.message });
        if (!request.complete) response.setHeader('Connection', 'close');
        send(response, failure(503, 'try-again', 'it could not be kept: send it again'));
      },
    );
  };
  const options = { requestTimeout: REQUEST_MS, headersTimeout: 20_000, keepAliveTimeout: 65_000 };
  const { tls } = listener;
  const server =
    tls === undefined
      ? http.createServer(options, serve)
      : https.createServer(
          { ...options, cert: readFileSync(tls.cert), key: readFileSync(tls.key), minVersion: 'TLSv1.2' },
          serve,
        );
  server.maxConnections = CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listener.host, port: listener.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log('legacy-webhook-error', { error: error.message }));
  let stopped: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
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

async function answer(doors: ReadonlyMap<string, Door>, request: IncomingMessage, log: Log): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const [, name] = /^\/legacy\/([^/]+)$/.exec(pathname) ?? [];
  const door = name === undefined ? undefined : doors.get(name);
  if (door === undefined)
    return failure(404, 'not-found', 'there is POST /legacy/NAME here, for feeds that have a webhook');
  if (request.method !== 'POST') return failure(405, 'not-allowed', 'use POST');
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
    return failure(415, 'encoded', 'send the body without Content-Encoding');
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) return tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return tooLarge();
    chunks.push(chunk);
  }
  const given = await door(request.headers, Buffer.concat(chunks));
  if (given.status === 401) log('legacy-refused', { feed: name, from: request.socket.remoteAddress });
  return given;
}

function tooLarge(): Answer {
  return failure(413, 'too-large', `the body is larger than ${MOST_BYTES} bytes`);
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(status === 503 && { 'Retry-After': '5' }),
    ...(status === 405 && { Allow: 'POST' }),
  });
  response.end(text);
}
