/**
 * Plays a migration against whole engines: two pools leave a real Postfix, one after the other, while their applications
 * send without a pause. What a person does on the way (accept what differs, mend, go on) is done through the same doors.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLegacyEngine } from '../../../lab/legacy-engine.ts';
import type { Postfix } from '../../../lab/postfix.ts';
import type { Scenario } from '../../../lab/scenario.ts';
import { loadScenario } from '../../../lab/scenario-file.ts';
import { type Calendar, windowOf } from '../../../policy/calendar.ts';
import { freePort } from '../../../setup/host/free-port.ts';
import { createStore, type Store, tx } from '../../../store/connect.ts';
import { endsOf } from '../../../store/front-ends.ts';
import { noteSent } from '../../../store/lanes.ts';
import { insertMigration, migrationRow } from '../../../store/pool-migrations.ts';
import { connectTemporal, type TemporalClient } from '../../../temporal/client.ts';
import { startInstance } from '../../roles/instance.ts';
import { liveScreen } from '../../terminal/live-screen.ts';
import { startInjectProcess, startWorldProcess } from '../processes.ts';
import { BOUNCES } from '../sender.ts';
import { WORLDS } from '../setting.ts';
import { emptyLab, onStage, type Stage, untilWindowBegins } from '../stage.ts';
import { type Facts, gather } from './facts.ts';
import { Operator } from './operator.ts';
import { migrationScreen } from './screen.ts';
import { DAY_MS, LEGACY, MIGRATION, MOVED, migrationSpec, ownScenario, PLAN, UPSTREAM_POOL, USER } from './setting.ts';

/** A migration that is not done after so many days has failed. */
const LIMIT_DAYS = 85;
const LONG = 30 * 60_000;
/** Postfix writes its log a moment after the fact. */
const SETTLE_MS = 1_500;
const TOLD_MS = 10_000;

export interface PlayOptions {
  /** Absolute folder for everything the run leaves; what was in it goes. */
  readonly dataDir: string;
  readonly json: boolean;
}

export interface Played {
  readonly scenario: Scenario;
  readonly firstWindow: number;
  readonly calendar: Calendar;
  readonly seconds: number;
  readonly facts: Facts;
}

/** Everything it started is stopped when it resolves or rejects. */
export function play(options: PlayOptions): Promise<Played> {
  return onStage(options.json, (stage) => run(options, stage));
}

async function run({ dataDir, json }: PlayOptions, { say, stops, interrupted }: Stage): Promise<Played> {
  const began = performance.now();
  const labDir = await emptyLab(dataDir);
  const file = path.join(WORLDS, 'migration.json');
  const scenario = await loadScenario(file);
  const ports = { submission: await freePort(), inbound: await freePort(), legacy: await freePort() };

  say('starting a small internet: DNS, mailbox providers, seed mailboxes');
  const world = await startWorldProcess({
    scenario: file,
    directory: labDir,
    dayLength: DAY_MS,
    senders: [LEGACY, ...MOVED.map(({ address }) => address)],
    mailHosts: `${BOUNCES}=127.0.0.1:${ports.inbound}`,
  });
  stops.push(() => world.stop());

  say('starting the engine the pools come from: Postfix');
  const legacy = await startLegacyEngine({
    ...{ port: ports.legacy, sender: LEGACY, dayLength: DAY_MS },
    ...{ providers: world.facts.providers, smtpPort: world.facts.smtpPort },
  });
  stops.push(() => legacy.stop());

  say('starting Rampart: PostgreSQL, Temporal, a worker, two MTA processes, a reader of Postfix’s log');
  const spec = migrationSpec(scenario, world.facts, ports, legacy.logFile, dataDir, Date.now());
  const instance = await startInstance(spec, {
    report: say,
    // Addresses that move with their pool have been sending until then, from the engine before.
    prepared: async (db) => {
      for (const { address } of MOVED) await noteSent(db, address.ip, Date.now() + LONG);
    },
  });
  stops.push(() => instance.stop());
  const store = createStore(instance.databaseUrl, { applicationName: 'rampart-demo', max: 4 });
  stops.push(() => store.end());
  const temporal = await connectTemporal(
    instance.temporalAddress === undefined ? {} : { address: instance.temporalAddress },
  );
  stops.push(() => temporal.close());

  await untilWindowBegins(spec.calendar);
  const first = windowOf(Date.now(), spec.calendar);
  await world.begin(first.start);
  await migrate(store, temporal);
  for (const pool of MOVED) {
    const own = path.join(labDir, pool.name);
    await mkdir(own);
    const injector = startInjectProcess({
      ...{
        scenario: await written(ownScenario(scenario, pool), path.join(labDir, `${pool.name}.json`)),
        directory: own,
      },
      ...{ port: instance.submissionPort, user: USER.name, password: USER.password, pool: pool.name },
      ...{ dayLength: DAY_MS, epoch: first.start },
    });
    stops.push(() => injector.stop());
  }
  const operator = new Operator(store, temporal, world, first.start);
  await follow(store, operator, { calendar: spec.calendar, firstWindow: first.index, json, interrupted });
  await stopInjectors(stops, MOVED.length);
  await drained(store, legacy, interrupted);
  const facts = await gather(store, labDir, operator);
  const seconds = Math.round((performance.now() - began) / 1000);
  return { scenario, firstWindow: first.index, calendar: spec.calendar, seconds, facts };
}

async function migrate(store: Store, temporal: TemporalClient): Promise<void> {
  const pools = MOVED.map(({ name }) => ({ front: name, from: UPSTREAM_POOL, to: name, scope: {}, plan: PLAN }));
  const by = { actor: 'demo', reason: 'off the old engine' };
  const migration = { name: MIGRATION, pools, onFail: 'hold' as const, ...by, at: Date.now() };
  await tx(store, (db) => insertMigration(db, migration));
  await temporal.wakeMigration(MIGRATION);
}

async function written(scenario: Scenario, file: string): Promise<string> {
  await writeFile(file, JSON.stringify(scenario, null, 2));
  return file;
}

/** The applications stop first: what they handed over is counted when it has had time to arrive. */
async function stopInjectors(stops: (() => Promise<unknown>)[], count: number): Promise<void> {
  for (const stop of stops.splice(-count)) await stop();
}

interface Following {
  readonly calendar: Calendar;
  readonly firstWindow: number;
  readonly json: boolean;
  readonly interrupted: AbortSignal;
}

/** Draws, and does what a person would do, until the migration has ended, its time is over, or somebody interrupts. */
async function follow(store: Store, operator: Operator, of: Following): Promise<void> {
  const live = liveScreen(of.json ? process.stderr : process.stdout);
  for (;;) {
    await operator.look();
    const migration = await migrationRow(store, MIGRATION);
    if (migration !== undefined)
      live.draw(await migrationScreen(store, migration, of.calendar, of.firstWindow, operator.log));
    if (migration?.endedAt != null) break;
    if (of.interrupted.aborted) throw new Error('interrupted');
    if (windowOf(Date.now(), of.calendar).index - of.firstWindow > LIMIT_DAYS) break;
    await sleep(200);
  }
  live.done();
}

/** Gives what waits in either engine some days to arrive; what is still there then is counted as queued. */
async function drained(store: Store, legacy: Postfix, interrupted: AbortSignal): Promise<void> {
  const until = performance.now() + 4 * DAY_MS;
  for (;;) {
    const { rows } = await store.query('select count(*)::int as n from queue');
    if ((rows[0].n === 0 && (await legacy.queued()) === 0) || performance.now() > until || interrupted.aborted) break;
    await sleep(100);
  }
  await sleep(SETTLE_MS);
  // The last lines of its log, and their way through the reader, may take a busy machine longer.
  const told = performance.now() + TOLD_MS;
  while (performance.now() < told && !interrupted.aborted && (await untold(store)) > 0) await sleep(200);
}

/** Messages handed to the old engine of whose end it has not told yet. */
async function untold(store: Store): Promise<number> {
  const ends = await Promise.all(MOVED.map(({ name }) => endsOf(store, name)));
  return ends.reduce((sum, one) => sum + one.relayed - one.relayedDelivered - one.relayedBounced, 0);
}
