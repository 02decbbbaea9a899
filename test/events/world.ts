/** What event tests share: a migrated database, rows as the MTA writes them, and real HTTP endpoints. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '../../events/envelope.ts';
import type { SinkSettings } from '../../events/open.ts';
import { type EventsOptions, startEvents } from '../../events/start.ts';
import { createStore, type Queryable, type Store } from '../../store/connect.ts';
import type { Databases } from '../mta/databases.ts';

export async function freshStore(context: TestContext, databases: Databases): Promise<Store & { url: string }> {
  const url = await databases.create();
  const store = createStore(url, { max: 12 });
  context.after(() => store.end());
  return Object.assign(store, { url });
}

export interface AttemptRow {
  readonly recipient?: number;
  readonly number?: number;
  readonly severity?: string;
  readonly final?: boolean;
  readonly tenant?: string;
  readonly campaign?: string;
  readonly probe?: boolean;
  readonly message?: number;
  readonly rcpt?: string;
}

/** Commits attempts in one statement; returns their ids. */
export async function attempts(db: Queryable, rows: readonly AttemptRow[]): Promise<number[]> {
  const column = <T>(pick: (row: AttemptRow, n: number) => T) => rows.map(pick);
  const { rows: made } = await db.query(
    `insert into attempts (recipient, message, address, provider, window_index, at, number, first_at, unit, severity,
       class, scope, rule, reply, final, campaign, tenant, probe, process, rcpt)
     select r, m, '127.1.1.1', 'google', 1, clock_timestamp(), n, now(), true, s, 'other', 'message', 'test',
       '250 2.0.0 OK', f, c, t, p, 'test', x
     from unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::bool[],
       $9::text[]) as u(r, m, n, s, f, c, t, p, x) returning id`,
    [
      column((row) => row.recipient ?? 1),
      column((row) => row.message ?? 1),
      column((row) => row.number ?? 1),
      column((row) => row.severity ?? 'delivered'),
      column((row) => row.final ?? true),
      column((row) => row.campaign ?? 'spring'),
      column((row) => row.tenant ?? 'default'),
      column((row) => row.probe ?? false),
      column((row) => row.rcpt ?? 'reader@provider.example'),
    ],
  );
  return made.map((row) => row.id);
}

/** One delivered attempt to each of `count` recipients from `first` on. */
export function deliveries(first: number, count: number): AttemptRow[] {
  return Array.from({ length: count }, (_, n) => ({ recipient: first + n }));
}

export const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

export interface Received {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly events: readonly CloudEvent[];
}

export interface Endpoint {
  readonly url: string;
  /** Every request, also those that were refused. */
  readonly requests: Received[];
  /** Events of the requests that got 2xx, in order of arrival. */
  readonly taken: CloudEvent[];
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** ms before it answers; null: never. */
  readonly after?: number | null;
}

/** A real HTTP server on loopback; `answer` decides by the request and its number, from 0. */
export async function endpoint(
  context: TestContext,
  answer: (request: Received, n: number) => Answer = () => ({ status: 204 }),
  port = 0,
): Promise<Endpoint> {
  const requests: Received[] = [];
  const taken: CloudEvent[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const received = { headers: request.headers, body, events: JSON.parse(body) as CloudEvent[] };
      requests.push(received);
      const { status, headers, body: text, after } = answer(received, requests.length - 1);
      if (after === null) return;
      if (after !== undefined) await sleep(after);
      if (status >= 200 && status < 300) taken.push(...received.events);
      response.writeHead(status, headers).end(text ?? '');
    });
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
    return stopped;
  };
  context.after(stop);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, requests, taken, stop };
}

/** As a receiver checks it, written from the specification and not from our signer. */
export function verifies(received: Received, secret: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = received.headers;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const wanted = createHmac('sha256', key).update(`${id}.${at}.${received.body}`, 'utf8').digest();
  return String(signatures)
    .split(' ')
    .map((one) => one.split(','))
    .some(([version, given]) => {
      const found = Buffer.from(given ?? '', 'base64');
      return version === 'v1' && found.length === wanted.length && timingSafeEqual(found, wanted);
    });
}

export function webhook(name: string, url: string, over: Partial<SinkSettings> = {}): SinkSettings {
  return {
    kind: 'webhook',
    name,
    url,
    secrets: [SECRET],
    timeoutMs: 5_000,
    batch: 500,
    filter: {},
    ...over,
  } as SinkSettings;
}

/** Retries of a test: the same rule, in ms instead of seconds. */
export const QUICK = { firstMs: 5, longestMs: 40, giveUpMs: 60_000, refusals: 3 };

export interface Told {
  readonly event: string;
  readonly fields: Record<string, unknown>;
}

/** Starts the event role in this process; it stops with the test, or earlier. */
export async function forward(
  context: TestContext,
  store: Store,
  sinks: readonly SinkSettings[],
  over: Partial<EventsOptions> = {},
): Promise<{ stop(): Promise<void>; readonly told: Told[] }> {
  const told: Told[] = [];
  const running = await startEvents({
    store,
    sinks,
    owner: `test-${randomBytes(4).toString('hex')}`,
    keepDays: 14,
    now: () => Date.now(),
    random: () => 0.5,
    rules: QUICK,
    log: (event, fields = {}) => told.push({ event, fields }),
    ...over,
  });
  context.after(() => running.stop());
  return { stop: () => running.stop(), told };
}

/** Recipient ids of mail events, in order. */
export function recipients(events: readonly CloudEvent[]): number[] {
  return events.map((event) => (event.data as { recipientId: number }).recipientId);
}

export { until } from '../mta/mail-world.ts';
