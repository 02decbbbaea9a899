/** The worker role: workflows and activities, and the relay of the store's outboxes. */
import { createActivities } from '../../activities/create.ts';
import { startRelay } from '../../activities/relay.ts';
import { createStore } from '../../store/connect.ts';
import { endProcess, registerProcess, renew } from '../../store/processes.ts';
import { connectTemporal } from '../../temporal/client.ts';
import { startWorker } from '../../temporal/worker.ts';
import type { Ready } from './child.ts';
import { listingPort } from './listing-port.ts';
import type { RoleOrders } from './spec.ts';

type Log = (event: string, fields?: Record<string, unknown>) => void;

const LEASE_MS = 5_000;

export async function startWorkerRole(orders: RoleOrders, log: Log): Promise<{ ready: Ready; stop(): Promise<void> }> {
  const { spec, name, databaseUrl, temporalAddress } = orders;
  const store = createStore(databaseUrl, { applicationName: `rampart-${name}`, max: 10 });
  const id = `${spec.node}/${name}/${Date.now().toString(36)}`;
  await registerProcess(store, { id, role: 'worker', node: spec.node, pid: process.pid }, LEASE_MS);
  const lease = setInterval(() => void renew(store, id, 'worker', LEASE_MS).catch(() => {}), 1_000);
  const at = temporalAddress === undefined ? {} : { address: temporalAddress };
  const worker = await startWorker({
    ...at,
    compressed: spec.calendar.kind === 'compressed',
    activities: createActivities({
      store,
      seeds: spec.seeds,
      placement: spec.placement,
      complaintFeeds: spec.complaintFeeds,
      told: (pool) => (spec.legacy?.feeds ?? []).some((feed) => feed.pools?.includes(pool) ?? true),
      ...(spec.gates === undefined ? {} : { gates: spec.gates }),
      ...(spec.dnsbls === undefined ? {} : { listings: listingPort(spec.dnsbls, spec.mta.resolvers) }),
      now: () => Date.now(),
      log,
    }),
  });
  const temporal = await connectTemporal(at);
  const relay = startRelay(store, {
    incident: (address, incident) => temporal.incident(address, incident),
    notice: async (notice) => log('notice', { ...notice }),
    log,
  });
  // A worker that failed ends the process, so that its supervisor sees it.
  worker.done.catch((error: Error) => {
    log('worker-failed', { error: error.message });
    process.exit(1);
  });
  return {
    ready: {},
    stop: async () => {
      await relay.stop();
      await worker.stop();
      await temporal.close();
      clearInterval(lease);
      await endProcess(store, id).catch(() => {});
      await store.end();
    },
  };
}
