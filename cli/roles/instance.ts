/** A whole Rampart on this machine: database, Temporal, worker and MTA processes, started in order and stopped in reverse. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { followNormals } from '../../activities/configured-normals.ts';
import { createStore, discoverDatabase, type Store } from '../../store/connect.ts';
import { liveCutovers } from '../../store/cutovers.ts';
import { addressRows, upsertAddress } from '../../store/lanes.ts';
import { migrate } from '../../store/migrate.ts';
import { migrationRows } from '../../store/pool-migrations.ts';
import { followPool, upsertPool } from '../../store/pools.ts';
import { openRanges } from '../../store/ranges.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { NAMESPACE } from '../../temporal/contracts.ts';
import { requireTemporal } from '../../temporal/server/locate.ts';
import { startTemporalServer } from '../../temporal/server/run.ts';
import type { ResolvedAddress } from '../config/resolved.ts';
import { type Ready, type Role, RoleProcess } from './child.ts';
import type { InstanceSpec, RoleOrders } from './spec.ts';

export interface Instance {
  readonly databaseUrl: string;
  readonly temporalAddress: string | undefined;
  readonly submissionPort: number;
  readonly inboundPort: number | null;
  readonly httpPort: number | null;
  /** Of the webhooks of other engines; null: none comes. */
  readonly legacyPort: number | null;
  /** The role processes, for those who must hurt them (fault tests). */
  readonly roles: readonly RoleProcess[];
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly report: (line: string) => void;
  /** Called when the store knows all addresses, before anything runs. */
  readonly prepared?: (store: Store) => Promise<void>;
}

/** Starts everything the spec names. On failure, what was started is stopped again. */
export async function startInstance(spec: InstanceSpec, options: InstanceOptions): Promise<Instance> {
  const { report } = options;
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    await mkdir(path.join(spec.dataDir, 'log'), { recursive: true });
    const database = await discoverDatabase({ dataDir: spec.dataDir, log: report });
    stops.push(() => database.stop());
    await prepareStore(spec, database.url, options);

    const temporalAddress = await startTemporal(spec, stops, report);
    const orders = (name: string): RoleOrders => ({
      spec,
      name,
      databaseUrl: database.url,
      ...(temporalAddress === undefined ? {} : { temporalAddress }),
    });
    const role = async (kind: Role, name: string): Promise<{ process: RoleProcess; ready: Ready }> => {
      const process = new RoleProcess(kind, orders(name), path.join(spec.dataDir, 'log', `${name}.log`), report);
      stops.push(() => process.stop());
      return { process, ready: await process.start() };
    };
    await tellTemporal(spec, temporalAddress, database.url);
    const names = Array.from({ length: spec.mtaProcesses }, (_, n) => `mta-${n + 1}`);
    const started = await Promise.all([
      role('worker', 'worker-1'),
      ...names.map((name) => role('mta', name)),
      ...(spec.events.sinks.length > 0 ? [role('events', 'events-1')] : []),
      ...((spec.legacy?.feeds.length ?? 0) > 0 ? [role('legacy', 'legacy-1')] : []),
    ]);
    const first = started[1]?.ready;
    const instance: Instance = {
      databaseUrl: database.url,
      temporalAddress,
      submissionPort: first?.submissionPort ?? spec.mta.submission.port,
      inboundPort: first?.inboundPort ?? null,
      httpPort: first?.httpPort ?? null,
      legacyPort: started.find(({ ready }) => ready.legacyPort !== undefined)?.ready.legacyPort ?? null,
      roles: started.map((one) => one.process),
      stop,
    };
    await writeRunFile(spec, instance, stops);
    return instance;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareStore(spec: InstanceSpec, url: string, { report, prepared }: InstanceOptions): Promise<void> {
  const store = createStore(url, { applicationName: 'rampart-up', max: 2 });
  try {
    const { applied } = await migrate(store);
    if (applied.length > 0) report(`database: applied ${applied.join(', ')}`);
    for (const pool of spec.pools) {
      await upsertPool(store, { ...pool, calendar: spec.calendar });
      await followPool(store, pool.name);
      for (const address of pool.addresses) {
        const { ip, ehloName } = address;
        const lanes = lanesFor(address, spec.providers);
        await upsertAddress(store, { address: ip, pool: pool.name, node: spec.node, ehloName }, lanes);
        const normals = new Map(lanes.map((lane) => [lane.provider, lane.normal]));
        for (const line of await followNormals(store, ip, normals, Date.now())) report(line);
      }
    }
    await prepared?.(store);
  } finally {
    await store.end();
  }
}

function lanesFor(address: ResolvedAddress, providers: readonly string[]) {
  return providers.map((provider) => {
    const normal = address.normal[provider] ?? address.normal.default ?? 0;
    return address.standing === 'warm'
      ? { provider, phase: 'warm' as const, ceiling: normal, normal }
      : { provider, phase: 'planned' as const, ceiling: 0, normal };
  });
}

async function startTemporal(
  spec: InstanceSpec,
  stops: (() => Promise<void>)[],
  report: (line: string) => void,
): Promise<string | undefined> {
  if (process.env.TEMPORAL_ADDRESS) {
    report(`temporal: ${process.env.TEMPORAL_ADDRESS} (TEMPORAL_ADDRESS)`);
    return undefined;
  }
  const server = await startTemporalServer({
    binary: (await requireTemporal()).path,
    dbFile: path.join(spec.dataDir, 'temporal.db'),
    namespace: NAMESPACE,
    logFile: path.join(spec.dataDir, 'log', 'temporal.log'),
    compressed: spec.calendar.kind === 'compressed',
  });
  stops.push(() => server.stop());
  return server.address;
}

/** Every address of the store gets its workflow: also after Temporal's data was lost. */
async function tellTemporal(spec: InstanceSpec, address: string | undefined, url: string): Promise<void> {
  const temporal = await connectTemporal(address === undefined ? {} : { address });
  const store = createStore(url, { max: 1 });
  try {
    await temporal.prepare();
    const ours = new Set(spec.pools.flatMap((pool) => pool.addresses.map((one) => one.ip)));
    for (const row of await addressRows(store)) if (ours.has(row.address)) await temporal.ensureAddress(row.address);
    for (const range of await openRanges(store)) await temporal.ensureRange(range.id);
    for (const { front } of await liveCutovers(store)) await temporal.wakeCutover(front);
    for (const { name, endedAt } of await migrationRows(store))
      if (endedAt === null) await temporal.wakeMigration(name);
    await temporal.ensureWatch();
  } finally {
    await store.end();
    await temporal.close();
  }
}

/** Other commands find the running instance here. It holds the database's password: owner only. */
async function writeRunFile(spec: InstanceSpec, instance: Instance, stops: (() => Promise<void>)[]): Promise<void> {
  const file = path.join(spec.dataDir, 'run.json');
  const { roles: _roles, stop: _stop, ...ports } = instance;
  const facts = { ...ports, namespace: NAMESPACE, pid: process.pid };
  await writeFile(file, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  stops.push(() => rm(file, { force: true }));
}
