/** Plays a world against a whole Rampart: real SMTP, IMAP, Temporal and PostgreSQL, days of a few seconds. */

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../../lab/scenario.ts';
import { loadScenario } from '../../lab/scenario-file.ts';
import { type Calendar, windowOf } from '../../policy/calendar.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { noteSent, rampOf } from '../../store/lanes.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { startInstance } from '../roles/instance.ts';
import { liveScreen } from '../terminal/live-screen.ts';
import { type Facts, gather } from './facts.ts';
import { startInjectProcess, startWorldProcess } from './processes.ts';
import { screen } from './screen.ts';
import { BOUNCES } from './sender.ts';
import { COLD, demoSpec, FEEDBACK, POOL, type Script, targets, USER, WARM } from './setting.ts';
import { emptyLab, onStage, type Stage, untilWindowBegins } from './stage.ts';

/** More than any machine takes to start a whole Rampart. */
const STARTING_MS = 10 * 60_000;

export interface PlayOptions {
  readonly script: Script;
  /** Path of the scenario file. */
  readonly scenario: string;
  /** Seed of the world; absent: the scenario's own. */
  readonly seed?: number;
  /** Absolute folder for everything the run leaves; what was in it goes. */
  readonly dataDir: string;
  /** Plays all days although the ramp has ended: what comes later still has to be answered. */
  readonly allDays: boolean;
  /** Only its outcome is wanted on stdout: what people see meanwhile goes to stderr. */
  readonly json: boolean;
}

export interface Played {
  readonly scenario: Scenario;
  /** Folder of the lab's records. */
  readonly labDir: string;
  /** Day 0 of the world began, ms. */
  readonly epoch: number;
  readonly firstWindow: number;
  /** The last instant at which demand was still coming, ms. */
  readonly until: number;
  readonly seconds: number;
  readonly facts: Facts;
}

/** Everything it started is stopped when it resolves or rejects. */
export function play(options: PlayOptions): Promise<Played> {
  return onStage(options.json, (stage) => run(options, stage));
}

async function run(options: PlayOptions, { say, stops, interrupted }: Stage): Promise<Played> {
  const began = performance.now();
  const { script, dataDir } = options;
  const labDir = await emptyLab(dataDir);
  const { file, scenario } = await scenarioFor(options, labDir);

  say('starting a small internet: DNS, mailbox providers, seed mailboxes');
  const ports = { submission: await freePort(), inbound: await freePort() };
  const world = await startWorldProcess({
    scenario: file,
    directory: labDir,
    dayLength: script.dayLength,
    senders: [WARM, COLD],
    complaintsTo: `127.0.0.1:${ports.inbound}/${FEEDBACK}`,
    mailHosts: `${BOUNCES}=127.0.0.1:${ports.inbound}`,
  });
  stops.push(() => world.stop());

  say('starting Rampart: PostgreSQL, Temporal, a worker, two MTA processes');
  const epoch = Date.now();
  const spec = demoSpec(script, scenario, world.facts, ports, dataDir, epoch);
  const instance = await startInstance(spec, {
    report: say,
    // It carries mail until the world begins: days of this world go by while all this starts.
    prepared: (db) => noteSent(db, WARM.ip, epoch + STARTING_MS),
  });
  stops.push(() => instance.stop());
  const store = createStore(instance.databaseUrl, { applicationName: 'rampart-demo', max: 4 });
  stops.push(() => store.end());

  const { calendar } = spec;
  await untilWindowBegins(calendar);
  const first = windowOf(Date.now(), calendar);
  await noteSent(store, WARM.ip, first.start);
  await world.begin(first.start);
  const temporal = await connectTemporal(
    instance.temporalAddress === undefined ? {} : { address: instance.temporalAddress },
  );
  stops.push(() => temporal.close());
  await temporal.startRamp(COLD.ip, {
    plan: 'six-week',
    start: script.start,
    targets: targets(scenario),
    days: script.days,
    actor: 'demo',
    reason: 'a new address',
    operationId: randomUUID(),
  });
  const injector = startInjectProcess({
    scenario: file,
    directory: labDir,
    port: instance.submissionPort,
    user: USER.name,
    password: USER.password,
    pool: POOL,
    dayLength: script.dayLength,
    epoch: first.start,
  });
  stops.push(() => injector.stop());

  await follow(store, options, calendar, first.index, interrupted);
  const until = Date.now();
  await injector.stop();
  await drained(store, script.dayLength, interrupted);
  await sleep(400);
  const facts = await gather(store, labDir, COLD.ip, script.dayLength);
  return {
    scenario,
    labDir,
    epoch: first.start,
    firstWindow: first.index,
    until,
    seconds: Math.round((performance.now() - began) / 1000),
    facts,
  };
}

/** The scenario file, or a copy of it with another seed. */
async function scenarioFor(options: PlayOptions, labDir: string): Promise<{ file: string; scenario: Scenario }> {
  const scenario = await loadScenario(options.scenario);
  if (options.seed === undefined) return { file: options.scenario, scenario };
  const file = path.join(labDir, 'scenario.json');
  const seeded = { ...scenario, seed: options.seed };
  await writeFile(file, JSON.stringify(seeded, null, 2));
  return { file, scenario: seeded };
}

/** Draws until the ramp has ended, its time is over, or somebody interrupts. */
async function follow(
  store: Store,
  { script, allDays, json }: PlayOptions,
  calendar: Calendar,
  firstWindow: number,
  interrupted: AbortSignal,
): Promise<void> {
  const live = liveScreen(json ? process.stderr : process.stdout);
  for (;;) {
    const ramp = await rampOf(store, COLD.ip);
    if (ramp !== undefined) {
      live.draw(await screen({ store, cold: COLD.ip, calendar, firstWindow, plan: ramp.plan, days: script.days }));
      if (ramp.endedAt !== null && !allDays) break;
    }
    if (interrupted.aborted) throw new Error('interrupted');
    if (windowOf(Date.now(), calendar).index - firstWindow > script.limit) break;
    await sleep(250);
  }
  live.done();
}

/** Gives what is queued a plan day to be delivered; what is held stays queued, and is counted. */
async function drained(store: Store, dayLength: number, interrupted: AbortSignal): Promise<void> {
  const until = performance.now() + dayLength;
  while (performance.now() < until && !interrupted.aborted) {
    const { rows } = await store.query(
      `select count(*)::int as n from queue q where not exists (
         select 1 from holds h where h.cleared_at is null and h.scope = 'campaign' and h.target = q.campaign)`,
    );
    if (rows[0].n === 0) return;
    await sleep(100);
  }
}
