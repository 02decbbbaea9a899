/** A world whose mail was delivered to one sink, and a client that hands in reports about it. */
import type { TestContext } from 'node:test';
import { SmtpClient } from '../../lab/smtp-client.ts';
import type { MtaSettings } from '../../mta/settings.ts';
import { suppressionPage } from '../../store/suppressions.ts';
import type { Databases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { type Sink, startSink } from './sinks.ts';

export const BOUNCES = 'bounces.example';
export const FEEDBACK = 'fbl@mail.example';

export interface Reported {
  readonly world: MailWorld;
  readonly sink: Sink;
  /** Recipient rows in the order of their mail: r0@…, r1@…, all delivered. */
  readonly ids: readonly number[];
  /** Hands in a report; resolves with the reply's code. */
  send(message: string, to: string, from?: string): Promise<number>;
  /** Live suppressions as `recipient scope target streams source`. */
  suppressed(): Promise<string[]>;
  /** Kinds of unverified reports, oldest first. */
  unverified(): Promise<string[]>;
}

export async function reportedWorld(
  context: TestContext,
  databases: Databases,
  count: number,
  reporters: readonly string[] = [],
  over: Partial<MtaSettings> = {},
): Promise<Reported> {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink('127.30.0.1', world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  const inbound = { host: '127.0.0.1', port: 0, feedbackAddresses: [FEEDBACK], reporters };
  const { ready } = await world.mta('mta-1', { inbound, bounceDomain: BOUNCES, ...over });
  const ids: number[] = [];
  for (let n = 0; n < count; n++) {
    const rcpt = `R${n}@provider.example`;
    const recipients = [{ rcpt, domain: 'provider.example', provider: null }];
    ids.push(...(await world.mail(1, { recipients, tenant: 'shop' })));
  }
  await until('all is delivered', async () => (await world.attempts()).length === count);
  const client = new SmtpClient({ host: '127.0.0.1', port: ready.inboundPort ?? 0 });
  context.after(() => client.close());
  return {
    world,
    sink,
    ids,
    send: async (message, to, from = '') => {
      const result = await client.send(from, to, message);
      return result.kind === 'answered' ? result.code : 0;
    },
    suppressed: async () =>
      (await suppressionPage(world.store, {}, 0, 1_000)).map((row) =>
        [row.recipient, row.scope, row.target, row.streams, row.source].join(' '),
      ),
    unverified: async () =>
      (await world.store.query('select kind from unverified_reports order by id')).rows.map((row) => row.kind),
  };
}
