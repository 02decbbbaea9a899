/** Puts a world together: name server, providers, mailboxes, complaints, records and control, all on loopback. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Blocklists } from './blocklists.ts';
import { LabClock } from './clock.ts';
import { Complaints, type ReportTarget } from './complaints.ts';
import { ControlServer, type WorldState } from './control.ts';
import { DnsServer } from './dns-server.ts';
import { Dovecot } from './dovecot.ts';
import { startImapGates } from './imap-gate.ts';
import { Journal } from './journal.ts';
import { LateBounces } from './late-bounces.ts';
import { MailExchange } from './mail-exchange.ts';
import { Observer } from './observer.ts';
import { Provider } from './provider.ts';
import { type Arrival, ProviderServer } from './provider-server.ts';
import { seedAddress } from './recipients.ts';
import type { EventLine, ReceivedLine } from './records.ts';
import type { Scenario } from './scenario.ts';
import type { WorldEvent } from './scenario-events.ts';
import { Schedule } from './schedule.ts';
import { deliverToSeeds } from './seed-delivery.ts';
import { type MailHost, mxHostsOf, type SenderHost, zoneOf } from './topology.ts';

const PORT_TRIES = 20;

export interface WorldOptions {
  readonly scenario: Scenario;
  /** Where world.json, received.jsonl and events.jsonl go; made if need be. */
  readonly directory: string;
  /** Real ms of one day of the world. */
  readonly dayLength: number;
  readonly senders?: readonly SenderHost[];
  readonly complaintsTo?: ReportTarget;
  /** Where the guest takes mail for its own domains; bounces to any other domain are undeliverable. */
  readonly mailHosts?: readonly MailHost[];
  /** Common SMTP port of all MX hosts; chosen free without it. */
  readonly smtpPort?: number;
  readonly httpPort?: number;
  /** When day 0 begins (ms since 1970); without it POST /start says. */
  readonly epoch?: number;
  /** ms since 1970; tests pass their own. */
  readonly now?: () => number;
}

export interface SeedAccount {
  readonly provider: string;
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
}

/** What world.json tells: how to reach everything. */
export interface WorldFacts {
  /** `127.0.0.1:port`, UDP and TCP. */
  readonly dns: string;
  readonly smtpPort: number;
  /** The server itself, always up; `seeds` name each provider's own door to it. Null without seed mailboxes. */
  readonly imap: { readonly host: string; readonly port: number } | null;
  readonly control: string;
  readonly seeds: readonly SeedAccount[];
  readonly providers: readonly {
    readonly key: string;
    readonly domains: readonly string[];
    readonly mx: readonly { readonly name: string; readonly ip: string; readonly preference: number }[];
  }[];
}

export interface World {
  readonly facts: WorldFacts;
  readonly clock: LabClock;
  /** Fixes day 0 (ms since 1970). */
  start(epoch: number): void;
  apply(event: WorldEvent): void;
  state(): WorldState;
  /** Resolves when all records so far can be read from the files. */
  flush(): Promise<void>;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Starts a world; when it resolves everything answers and world.json is written. On an error nothing keeps running. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { scenario, directory } = options;
  const undo: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= (async () => {
      for (const step of undo.reverse()) await step();
    })();
    return stopping;
  };
  try {
    await mkdir(directory, { recursive: true });
    const clock = new LabClock(options);
    if (options.epoch !== undefined) clock.start(options.epoch);
    const received = await Journal.open<ReceivedLine>(path.join(directory, 'received.jsonl'));
    undo.push(() => received.close());
    const events = await Journal.open<EventLine>(path.join(directory, 'events.jsonl'));
    undo.push(() => events.close());
    const schedule = new Schedule(clock, scenario.events);
    const blocklists = new Blocklists({ specs: scenario.blocklists, clock, schedule });
    const common = { scenario, clock, schedule, blocklists };
    const providers = scenario.providers.map((spec) => new Provider({ spec, ...common }));

    const mailHosts = options.mailHosts ?? [];
    const dns = new DnsServer(zoneOf(scenario, options.senders ?? [], mailHosts, blocklists));
    const dnsPort = await dns.start();
    undo.push(() => dns.stop());

    const accounts = scenario.providers.flatMap((spec) => {
      return Array.from({ length: spec.seeds }, (_, index) => {
        const address = seedAddress(spec.domains[0] ?? '', index + 1);
        return { provider: spec.key, address, user: address, password: `lab-${scenario.seed}-${address}` };
      });
    });
    const imap = accounts.length > 0 ? await Dovecot.start(accounts) : null;
    if (imap) undo.push(() => imap.stop());
    const gates = imap ? await startImapGates({ scenario, schedule, imapPort: imap.port }) : null;
    if (gates) undo.push(() => gates.stop());
    const users = new Set(accounts.map((account) => account.user));

    const complaints = new Complaints({
      world: scenario,
      clock,
      schedule,
      target: options.complaintsTo,
      record: (line) => events.append(line),
    });
    undo.push(() => complaints.stop());

    let smtpPort = 0;
    const lateBounces = new LateBounces({
      seed: scenario.seed,
      clock,
      exchange: new MailExchange({ dns: `127.0.0.1:${dnsPort}`, hosts: mailHosts, defaultPort: () => smtpPort }),
      record: (line) => events.append(line),
    });
    undo.push(() => lateBounces.stop());

    const hosts = scenario.providers.map((_, index) => mxHostsOf(scenario, index));
    const servers = providers.map((provider, index) => ({
      provider,
      hosts: hosts[index] ?? [],
      now: () => clock.now(),
      record: (line: ReceivedLine) => received.append(line),
      deliver: async (arrival: Arrival) => {
        if (imap) await deliverToSeeds(imap.maildir, users, arrival, clock.now());
        complaints.consider(provider, arrival);
        lateBounces.consider(provider, arrival);
      },
    }));
    const listening = await listenAll(servers, options.smtpPort ?? 0);
    smtpPort = listening.smtpPort;
    undo.push(listening.stopAll);

    const observer = new Observer({ clock, schedule, blocklists, providers, record: (line) => events.append(line) });
    observer.start();
    undo.push(async () => observer.stop());

    const control = new ControlServer({ scenario, clock, schedule, providers, observe: () => observer.look() });
    const httpPort = await control.listen(options.httpPort ?? 0);
    undo.push(() => control.stop());

    const host = '127.0.0.1';
    const facts: WorldFacts = {
      dns: `${host}:${dnsPort}`,
      smtpPort,
      imap: imap ? { host, port: imap.port } : null,
      control: `http://${host}:${httpPort}`,
      seeds: gates ? accounts.map((account) => ({ ...account, host, port: gates.portOf(account.provider) })) : [],
      providers: scenario.providers.map(({ key, domains }, index) => ({ key, domains, mx: hosts[index] ?? [] })),
    };
    await writeWhole(path.join(directory, 'world.json'), `${JSON.stringify(facts, null, 2)}\n`);
    return {
      facts,
      clock,
      start: (epoch) => clock.start(epoch),
      apply: (event) => schedule.apply(event),
      state: () => control.state(),
      flush: async () => void (await Promise.all([received.flush(), events.flush()])),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** All providers share one port; the one that was free on the first address may be taken on another: then try again. */
async function listenAll(
  options: readonly ConstructorParameters<typeof ProviderServer>[0][],
  wanted: number,
): Promise<{ smtpPort: number; stopAll: () => Promise<void> }> {
  for (let left = PORT_TRIES; ; left--) {
    const servers = options.map((one) => new ProviderServer(one));
    const stopAll = async () => void (await Promise.all(servers.map((server) => server.stop())));
    try {
      let port = wanted;
      for (const server of servers) port = await server.listen(port);
      return { smtpPort: port, stopAll };
    } catch (error) {
      await stopAll();
      if (wanted !== 0) {
        throw new Error(`SMTP port ${wanted} cannot be used on the lab's addresses: ${(error as Error).message}`);
      }
      if (left <= 1) throw error;
    }
  }
}

// Whoever waits for world.json must never read half of it.
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.tmp`, text);
  await rename(`${file}.tmp`, file);
}
