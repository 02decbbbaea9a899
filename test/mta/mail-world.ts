/** A small internet for one MTA test: a database, a zone, lanes, and MTA processes that are real children. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ready } from '../../cli/roles/child.ts';
import { RoleProcess } from '../../cli/roles/child.ts';
import type { RoleOrders } from '../../cli/roles/spec.ts';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import type { MtaSettings } from '../../mta/settings.ts';
import { type Calendar, windowAt, windowOf } from '../../policy/calendar.ts';
import type { Phase } from '../../policy/lane.ts';
import type { Overflow } from '../../policy/overflow.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { writeGrant } from '../../store/grants.ts';
import { upsertAddress, upsertPool } from '../../store/lanes.ts';
import { type SpoolMessage, spool } from '../../store/spool.ts';
import type { Databases } from './databases.ts';

export const TRACE_KEY = 'the key of the tests';
export const POOL = 'marketing';

export interface Mta {
  readonly process: RoleProcess;
  readonly ready: Ready;
}

/** Providers of the zone are found by their MX names (policy/providers.ts). */
export class MailWorld {
  readonly store: Store;
  readonly url: string;
  readonly zone = new Zone();
  readonly smtpPort: number;
  readonly calendar: Calendar;
  readonly folder: string;
  dnsPort = 0;
  readonly #context: TestContext;

  private constructor(context: TestContext, url: string, smtpPort: number, calendar: Calendar, folder: string) {
    this.#context = context;
    this.url = url;
    this.store = createStore(url, { max: 4 });
    this.smtpPort = smtpPort;
    this.calendar = calendar;
    this.folder = folder;
    context.after(() => this.store.end());
  }

  /** Everything started for the world stops with the test; children before the database. */
  static async start(context: TestContext, databases: Databases, options: { dayLength?: number } = {}) {
    const calendar = { kind: 'compressed', epoch: Date.now(), dayLength: options.dayLength ?? 86_400_000 } as const;
    const world = new MailWorld(context, await databases.create(), await freePort(), calendar, databases.folder);
    const dns = new DnsServer(world.zone);
    world.dnsPort = await dns.start();
    context.after(() => dns.stop());
    await upsertPool(world.store, { name: POOL, overflow: 'warm-peers', calendar });
    return world;
  }

  /** A recipient domain of a provider; `hosts` are its MX with their addresses, in order of preference. */
  domain(name: string, hosts: readonly (readonly [name: string, ip: string])[]): void {
    hosts.forEach(([host, ip], n) => {
      this.zone.addMx(name, host, (n + 1) * 10);
      this.zone.addHost(host, ip);
    });
  }

  async lane(address: string, provider: string, phase: Phase, ceiling = 1_000, pool = POOL): Promise<void> {
    const place = { address, pool, node: 'node', ehloName: 'mta.example' };
    await upsertAddress(this.store, place, [{ provider, phase, ceiling, normal: ceiling }]);
  }

  /** Grants a lane `units` in the window `ahead` of the one open now. Returns the window's index. */
  async grant(address: string, provider: string, units: number, ahead = 0, revision = 0): Promise<number> {
    const window = windowAt(windowOf(Date.now(), this.calendar).index + ahead, this.calendar);
    await writeGrant(this.store, { address, provider, window, units, planUnits: units, revision, origin: 'decided' });
    return window.index;
  }

  /** Another pool, or other options of the one there is. */
  async pool(name: string, overflow: Overflow, upstream?: readonly string[]): Promise<void> {
    await upsertPool(this.store, { name, overflow, calendar: this.calendar, ...(upstream && { upstream }) });
  }

  /** Commits mail directly; returns the recipients' ids. */
  async mail(count: number, options: Partial<SpoolMessage> & { domain?: string } = {}): Promise<number[]> {
    const { domain = 'provider.example', ...over } = options;
    const messages = Array.from({ length: count }, (): SpoolMessage => {
      const id = randomUUID();
      const messageId = `<${id}@shop.example>`;
      const rcpt = `reader-${id}@${domain}`;
      return {
        raw: Buffer.from(`Message-ID: ${messageId}\r\nFrom: <a@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n`),
        messageId,
        mailFrom: 'bounce@shop.example',
        pool: POOL,
        tenant: 'default',
        stream: 'marketing',
        segment: 'all',
        campaign: 'spring',
        expires: Date.now() + 3_600_000,
        recipients: [{ rcpt, domain, provider: null }],
        ...over,
      };
    });
    return (await spool(this.store, messages)).flatMap((one) => one.recipients);
  }

  settings(overrides: Partial<MtaSettings> = {}): Omit<MtaSettings, 'name' | 'node' | 'databaseUrl' | 'log'> {
    return {
      hostname: 'mta.example',
      submission: {
        host: '127.0.0.1',
        port: 0,
        maxBytes: 100_000,
        users: [{ name: 'shop', password: 'secret', pools: [POOL, 'other'] }],
      },
      resolvers: [`127.0.0.1:${this.dnsPort}`],
      smtpPort: this.smtpPort,
      traceKey: TRACE_KEY,
      // Few connections, so that order can be told; the rate of new ones is no matter of most tests.
      shaping: { default: { connections: 4, messagesPerConnection: 50, connectionsPerMinute: 100_000 } },
      // Where a test counts mail, it counts its own.
      notifications: 'none',
      ...overrides,
    };
  }

  /** `databaseUrl`: another way to the same database. */
  async mta(name = 'mta-1', overrides: Partial<MtaSettings> = {}, databaseUrl = this.url): Promise<Mta> {
    const spec = { node: 'node', mta: this.settings(overrides) } as unknown as RoleOrders['spec'];
    const log = path.join(this.folder, `${name}-${path.basename(this.url)}.log`);
    const process = new RoleProcess('mta', { spec, name, databaseUrl }, log, () => {});
    const ready = await process.start();
    this.#context.after(() => process.stop());
    return { process, ready };
  }

  async attempts(): Promise<Attempt[]> {
    const { rows } = await this.store.query(
      `select recipient, host(address) as address, severity, class, rule, reply, host, tls, final, unit, number,
         window_index as "windowIndex" from attempts order by id`,
    );
    return rows;
  }

  async queue(): Promise<Queued[]> {
    const { rows } = await this.store.query(
      `select id, host(address) as address, freed, attempts, claim, reason, rcpt,
         extract(epoch from due)::float8 * 1000 as due from queue order by id`,
    );
    return rows;
  }
}

export interface Attempt {
  readonly recipient: number;
  readonly address: string | null;
  readonly severity: string;
  readonly class: string;
  readonly rule: string;
  readonly reply: string;
  readonly host: string | null;
  readonly tls: string | null;
  readonly final: boolean;
  readonly unit: boolean;
  readonly number: number;
  readonly windowIndex: number | null;
}

export interface Queued {
  readonly id: number;
  readonly address: string | null;
  readonly freed: boolean;
  readonly attempts: number;
  readonly claim: string | null;
  readonly reason: string | null;
  readonly rcpt: string;
  readonly due: number;
}

/** Waits until `check` holds; the error names what was waited for. */
export async function until(what: string, check: () => boolean | Promise<boolean>, ms = 40_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for: ${what}`);
    await sleep(25);
  }
}
