/** A pool of one cold and one warm address on real PostgreSQL, Temporal and a worker process; mail comes from a feeder. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoleProcess } from '../../cli/roles/child.ts';
import type { InstanceSpec } from '../../cli/roles/spec.ts';
import { type Store, tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { type LaneRow, lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { spool } from '../../store/spool.ts';
import { connectTemporal, type TemporalClient } from '../../temporal/client.ts';
import { NAMESPACE } from '../../temporal/contracts.ts';
import { requireTemporal } from '../../temporal/server/locate.ts';
import { startTemporalServer, type TemporalServer } from '../../temporal/server/run.ts';
import { startDatabase } from '../activities/database.ts';
import { type Feeder, startFeeder } from '../activities/feeder.ts';

export const COLD = '198.51.100.8';
export const WARM = '198.51.100.9';
export const PROVIDERS = ['google', 'yahoo'];

/** Real ms of a plan day: long enough for an evaluation's round trips on a busy machine. */
export const DAY = 1_600;

export interface System {
  readonly store: Store;
  readonly databaseUrl: string;
  readonly folder: string;
  readonly feeder: Feeder;
  readonly worker: RoleProcess;
  /** host:port of Temporal. */
  readonly temporalAddress: string;
  /** Of the Temporal server that runs now. */
  temporal(): TemporalClient;
  startWorker(): Promise<void>;
  /** Stops Temporal, forgets all its workflows, and starts it again on the same port. */
  loseTemporal(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts everything but the worker. What was started is stopped when a later step fails. */
export async function startSystem(): Promise<System> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    return await assemble(stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(stops: (() => Promise<unknown>)[], stop: () => Promise<void>): Promise<System> {
  const { store, url, folder, remove } = await startDatabase();
  stops.push(remove);
  const calendar = { kind: 'compressed', epoch: Date.now(), dayLength: DAY } as const;
  await upsertPool(store, { name: 'marketing', overflow: 'warm-peers', calendar });
  for (const [address, phase, ceiling] of [
    [COLD, 'planned', 0],
    [WARM, 'warm', 1_000],
  ] as const) {
    await upsertAddress(
      store,
      { address, pool: 'marketing', node: 'test', ehloName: 'a.example' },
      PROVIDERS.map((provider) => ({ provider, phase, ceiling, normal: 1_000 })),
    );
  }

  await mailWaits(store);

  const dbFile = path.join(folder, 'temporal.db');
  const options = { dbFile, namespace: NAMESPACE, logFile: path.join(folder, 'temporal.log'), compressed: true };
  const binary = (await requireTemporal()).path;
  let server: TemporalServer = await startTemporalServer({ ...options, binary });
  stops.push(() => server.stop());
  const { address } = server;
  let temporal = await connectTemporal({ address });
  stops.push(() => temporal.close());
  await temporal.prepare();

  const orders = {
    spec: { ...SPEC, calendar, dataDir: folder } as unknown as InstanceSpec,
    name: 'worker-1',
    databaseUrl: url,
    temporalAddress: address,
  };
  const worker = new RoleProcess('worker', orders, path.join(folder, 'worker.log'), () => {});
  stops.push(() => worker.stop());
  const feeder = startFeeder(store);
  stops.push(() => feeder.stop());
  return {
    store,
    databaseUrl: url,
    folder,
    feeder,
    worker,
    temporalAddress: address,
    temporal: () => temporal,
    startWorker: async () => {
      await worker.start();
      // On a busy machine the start alone takes more than the seven short days that make a silent lane idle.
      await store.query('update lanes set phase_since = now() where last_sent_at is null');
    },
    loseTemporal: async () => {
      await temporal.close();
      await server.stop();
      for (const end of ['', '-wal', '-shm']) await rm(`${dbFile}${end}`, { force: true });
      server = await startTemporalServer({ ...options, binary, port: Number(address.split(':')[1]) });
      temporal = await connectTemporal({ address });
      await temporal.prepare();
    },
    stop,
  };
}

/** There is always more mail than the lanes may send: a feeder that a busy machine slows down is no lack of mail. */
async function mailWaits(store: Store): Promise<void> {
  const recipients = PROVIDERS.flatMap((provider) =>
    Array.from({ length: 1_000 }, (_, n) => ({
      rcpt: `${n}@${provider}.example`,
      domain: `${provider}.example`,
      provider,
    })),
  );
  const raw = Buffer.from('Subject: offers\r\n\r\nhello\r\n');
  const message = {
    raw,
    messageId: '<waits@shop.example>',
    mailFrom: 'a@shop.example',
    pool: 'marketing',
    tenant: 'acme',
  };
  const kind = { stream: 'marketing', segment: 'all', campaign: 'spring', expires: Date.now() + 86_400_000 } as const;
  await tx(store, (db) => spool(db, [{ ...message, ...kind, recipients }]));
}

/** What a worker reads of an instance's specification. */
const SPEC = {
  node: 'test',
  providers: PROVIDERS,
  seeds: [],
  placement: { minCeiling: 1_000_000, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
  complaintFeeds: [],
};

let commands = 0;
export const by = () => ({ actor: 'ada', reason: 'test', operationId: `command-${Date.now()}-${++commands}` });
export const startOrder = () => ({ ...by(), plan: 'six-week', start: 40, targets: { default: 400 }, days: 30 });

/** Waits until something is true; says what was waited for when it never is. */
export async function until<T>(what: string, look: () => Promise<T | false | undefined>, limitMs = 60_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    assert.ok(performance.now() < deadline, `still waiting for: ${what}`);
    await sleep(50);
  }
}

export async function laneOf(store: Store, provider = 'google', address = COLD): Promise<LaneRow> {
  const lane = (await lanesOf(store, address)).find((row) => row.provider === provider);
  assert.ok(lane);
  return lane;
}

export const reachesStage = (store: Store, stage: number, provider = 'google') =>
  until(`stage ${stage} at ${provider}`, async () => {
    const lane = await laneOf(store, provider);
    return lane.stage >= stage && lane;
  });

/**
 * What must be true of any history of decisions: every raise is one stage from the row before it, one a window at most, and
 * no two rows of a lane close the same window.
 */
export async function checkHistory(store: Store, address = COLD, providers = PROVIDERS): Promise<void> {
  for (const provider of providers) {
    const rows = await decisionsOf(store, address, provider);
    const advanced = new Set<number>();
    for (const [n, row] of rows.entries()) {
      const before = rows[n - 1];
      assert.ok(row.operationId !== '' && row.policyVersion !== '');
      if (before !== undefined) {
        assert.equal(row.fromStage, before.toStage, `${provider}: a row begins where the one before ended`);
        assert.ok(row.toStage <= row.fromStage + 1, `${provider}: a stage was skipped`);
      }
      if (row.toCeiling <= row.fromCeiling || row.kind === 'start') continue;
      assert.ok(!advanced.has(row.window), `${provider}: window ${row.window} raised twice`);
      advanced.add(row.window);
    }
  }
}
