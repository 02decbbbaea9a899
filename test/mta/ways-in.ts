/** The ways in of an MTA, in this process, over a real database; nothing is sent from here. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Injection, type InjectionPorts, startInjection } from '../../mta/injection/start.ts';
import type { MtaSettings } from '../../mta/settings.ts';
import type { InjectionSettings } from '../../mta/settings-injection.ts';
import { createStore, type Store } from '../../store/connect.ts';
import type { Databases } from './databases.ts';
import { Raw } from './raw-client.ts';

export const MESSAGE = 'Message-ID: <one@shop.example>\r\nFrom: <a@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n';

export interface WaysIn {
  readonly store: Store;
  readonly url: string;
  readonly injection: Injection;
  readonly logged: { event: string; fields: Record<string, unknown> | undefined }[];
  /** A greeted client of the submission listener. */
  client(): Promise<Raw>;
  /** What the store holds, oldest first. */
  stored(): Promise<Stored[]>;
}

export interface Stored {
  readonly id: number;
  readonly messageId: string;
  readonly mailFrom: string;
  readonly pool: string;
  readonly raw: string;
  readonly rcpts: string[];
  readonly oneClick: boolean;
}

export interface WaysInOptions {
  readonly submission?: Partial<MtaSettings['submission']>;
  readonly injection?: InjectionSettings;
  readonly ports?: Partial<InjectionPorts>;
  readonly url?: string;
}

export async function openWaysIn(
  context: TestContext,
  databases: Databases,
  options: WaysInOptions = {},
): Promise<WaysIn> {
  const url = options.url ?? (await databases.create());
  const store = createStore(url, { max: 6 });
  const logged: WaysIn['logged'] = [];
  const settings: MtaSettings = {
    name: 'mta-1',
    node: 'node',
    hostname: 'mta.example',
    databaseUrl: url,
    submission: {
      host: '127.0.0.1',
      port: 0,
      maxBytes: 100_000,
      users: [{ name: 'shop', password: 'secret', pools: ['marketing', 'other'] }],
      ...options.submission,
    },
    injection: options.injection ?? {},
    resolvers: [],
    smtpPort: 25,
    traceKey: 'the key of the tests',
    log: (event, fields) => logged.push({ event, fields }),
  };
  const injection = await startInjection(settings, store, {
    providerOf: () => null,
    lifetime: (_pool, stream) => (stream === 'marketing' ? 72 : 12) * 3_600_000,
    planMs: (_pool, ms) => ms,
    knownPools: () => new Set(['marketing']),
    accepted: () => {},
    ...options.ports,
  });
  const clients: Raw[] = [];
  context.after(async () => {
    for (const client of clients) client.close();
    await injection.stop();
    await store.end();
  });
  return {
    store,
    url,
    injection,
    logged,
    client: async () => {
      const client = await Raw.greeted('127.0.0.1', injection.submissionPort);
      clients.push(client);
      return client;
    },
    stored: async () => {
      const { rows } = await store.query(
        `select m.id, m.message_id as "messageId", m.mail_from as "mailFrom", m.pool, b.raw,
           array_agg(q.rcpt order by q.id) as rcpts, bool_and(q.one_click) as "oneClick"
         from messages m join bodies b on b.id = m.body_id join queue q on q.message = m.id
         group by m.id, b.raw order by m.id`,
      );
      return rows.map((row) => ({ ...row, raw: row.raw.toString('latin1') }));
    },
  };
}

/** A self-signed certificate and its key, PEM files. */
export function certificate(folder: string, name: string): { cert: string; key: string } {
  const [cert, key] = [`${name}.crt`, `${name}.key`].map((file) => path.join(folder, file)) as [string, string];
  const options = ['-subj', `/CN=${name}`, '-days', '2', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...options], {
    stdio: 'ignore',
  });
  return { cert, key };
}
