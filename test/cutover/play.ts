/**
 * A whole cutover on real parts: PostgreSQL, Temporal, a worker, two MTA processes and the reader of the engines' logs, a
 * real engine at each end, applications that send without a pause, and `kill -9` of one of our processes at each step.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, startInstance } from '../../cli/roles/instance.ts';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { noteSent } from '../../store/lanes.ts';
import { readSplit, splitProcesses } from '../../store/splits.ts';
import { connectTemporal, type TemporalClient } from '../../temporal/client.ts';
import { type Injection, inject } from '../mta/injectors.ts';
import { type Sink, startSink } from '../mta/sinks.ts';
import { startCutover } from '../workflows/cutover-front.ts';
import { until } from '../workflows/system.ts';
import { type Engine, startEngine } from './engine.ts';
import { follow } from './follow.ts';
import { Killer } from './killer.ts';
import {
  answerTo,
  DAY_MS,
  DOMAINS,
  FRONTS,
  type Front,
  headerOf,
  instanceSpec,
  planOf,
  type Script,
  SENDER_DOMAIN,
  SINK,
} from './setting.ts';

/** Each application of a front sends so often; there is one a provider. */
const EVERY_MS = 150;
/** Messages that must be accepted after the end. */
const LATE = 15;
const LONG_MS = 30 * 60_000;

export interface Stage {
  readonly instance: Instance;
  readonly store: Store;
  readonly temporal: TemporalClient;
  readonly killer: Killer;
  /** What the command line is told. */
  readonly folder: string;
}

export interface Played {
  readonly store: Store;
  readonly sink: Sink;
  readonly killer: Killer;
  /** In the order of FRONTS. */
  readonly mail: readonly { readonly injections: readonly Injection[]; readonly late: ReadonlySet<string> }[];
}

/** Everything it starts stops with the test. Rejects, with what both cutovers wait for, when they do not end. */
export async function play(context: TestContext, script: Script, seed: number): Promise<Played> {
  const stops: (() => Promise<unknown>)[] = [];
  context.after(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-cutover-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const smtpPort = await freePort();
  const sink = await startSink(SINK, smtpPort, {
    ...{ rcpt: (rcpt, _from, before) => answerTo(rcpt, before), slow: 10, pipelining: false },
  });
  stops.push(() => sink.stop());
  const dns = new DnsServer(zone());
  const dnsPort = await dns.start();
  stops.push(() => dns.stop());
  const engines = await startEngines(script, smtpPort, stops);
  const submissionPort = await freePort();
  const dataDir = path.join(folder, '.rampart');
  stops.push(() => removeEmbedded(dataDir));
  const instance = await startInstance(instanceSpec({ dataDir, submissionPort, smtpPort, dnsPort, engines }), {
    report: () => {},
    // Both have been sending for years: a front that is on its engine must not find its own address idle and cold.
    prepared: async (db) => {
      for (const { address } of FRONTS) await noteSent(db, address.ip, Date.now() + LONG_MS);
    },
  });
  stops.push(() => instance.stop());
  const store = createStore(instance.databaseUrl, { applicationName: 'test', max: 4 });
  stops.push(() => store.end());
  const { temporalAddress: address } = instance;
  const temporal = await connectTemporal(address === undefined ? {} : { address });
  stops.push(() => temporal.close());
  const killer = new Killer(instance.roles, seed);
  const stage: Stage = { instance, store, temporal, killer, folder };

  for (const { name, oldArm, newArm } of FRONTS) {
    await startCutover(store, name, oldArm, planOf(script), newArm);
    await known(store, name);
  }
  const mail = FRONTS.map((front) => send(submissionPort, front));
  stops.push(() => Promise.all(mail.flat().map((one) => one.stop())));
  // Steps without mail are passed over, and an engine that was not heard yet is not compared: first both are there.
  await until('mail of both fronts, and word of it', async () => {
    const { rows } = await store.query(
      `select count(distinct a.front)::int as fronts, count(e.id)::int as told
       from attempts a left join legacy_events e on e.recipient = a.recipient`,
    );
    return rows[0].fronts === FRONTS.length && rows[0].told > 0;
  });
  for (const { name } of FRONTS) await temporal.wakeCutover(name);
  await follow(stage, script, () => flowing(mail));
  const late: Set<string>[] = [];
  for (const [n, { name }] of FRONTS.entries()) late.push(await lateMail(store, name, mail[n] ?? []));
  await Promise.all(mail.flat().map((one) => one.stop()));
  await drained(store, engines, script.patienceMs);
  return {
    ...{ store, sink, killer },
    mail: mail.map((injections, n) => ({ injections, late: late[n] ?? new Set() })),
  };
}

function zone(): Zone {
  const all = new Zone();
  for (const [domain, exchange] of Object.entries(DOMAINS)) {
    all.addMx(domain, exchange, 10);
    all.addHost(exchange, SINK);
  }
  return all;
}

/** One after the other: two that look for a free port at once may find the same. */
async function startEngines(
  { leaves, joins }: Script,
  smtpPort: number,
  stops: (() => Promise<unknown>)[],
): Promise<Engine[]> {
  const engines: Engine[] = [];
  for (const [n, kind] of [leaves, joins].entries()) {
    const { engine } = FRONTS[n] as Front;
    const started = await startEngine(kind, {
      ...{ feed: engine.pool, sender: { ip: engine.ip, name: engine.name }, dayLength: DAY_MS },
      sink: { ip: SINK, port: smtpPort, domains: [...Object.keys(DOMAINS), SENDER_DOMAIN] },
    });
    stops.push(() => started.stop());
    engines.push(started);
  }
  return engines;
}

function send(port: number, front: Front): Injection[] {
  return Object.keys(DOMAINS).map((domain) =>
    inject(port, { clients: 1, everyMs: EVERY_MS, domain, header: headerOf(front) }),
  );
}

function flowing(mail: readonly (readonly Injection[])[]): number {
  return mail.flat().reduce((sum, { accepted }) => sum + accepted.size, 0);
}

/** Waits until every living MTA process runs the split that is in force. */
function known(store: Store, front: string) {
  return until(`every process knows the split of ${front}`, async () => {
    const split = await readSplit(store, front);
    const all = await splitProcesses(store, front);
    return split !== undefined && all.length === 2 && all.every(({ revision }) => revision === split.revision);
  });
}

/** What is accepted from the moment on at which every process knows that the cutover is over. */
async function lateMail(store: Store, front: string, injections: readonly Injection[]): Promise<Set<string>> {
  await known(store, front);
  // One message an application may have been on its way in.
  const before = injections.map(({ accepted }) => accepted.size + 1);
  await until(`${front} goes on after its end`, async () =>
    injections.every(({ accepted }, n) => accepted.size >= (before[n] ?? 0) + LATE),
  );
  return new Set(injections.flatMap(({ accepted }, n) => [...accepted].slice(before[n])));
}

/** All that was accepted has ended, with us and with the engines. */
async function drained(store: Store, engines: readonly Engine[], patienceMs: number): Promise<void> {
  const waiting = async () => {
    const { rows } = await store.query('select count(*)::int as n from queue');
    const queued = await Promise.all(engines.map((engine) => engine.queued()));
    return [rows[0].n, ...queued] as number[];
  };
  await until(
    'empty queues',
    async () => {
      if ((await waiting()).some((n) => n > 0)) return false;
      // An engine may have taken the last message between two looks.
      await sleep(200);
      return (await waiting()).every((n) => n === 0);
    },
    patienceMs,
  );
}
