/** The events role: tells webhooks, AMQP exchanges and Kafka topics what happens. Runs only where sinks are configured. */
import { startEvents } from '../../events/start.ts';
import { createStore } from '../../store/connect.ts';
import { endProcess, registerProcess, renew } from '../../store/processes.ts';
import type { Ready } from './child.ts';
import type { RoleOrders } from './spec.ts';

type Log = (event: string, fields?: Record<string, unknown>) => void;

const LEASE_MS = 5_000;

export async function startEventsRole(orders: RoleOrders, log: Log): Promise<{ ready: Ready; stop(): Promise<void> }> {
  const { spec, name, databaseUrl } = orders;
  const store = createStore(databaseUrl, {
    applicationName: `rampart-${name}`,
    max: 4 + Math.min(spec.events.sinks.length, 12),
  });
  const id = `${spec.node}/${name}/${process.pid}-${Date.now().toString(36)}`;
  await registerProcess(store, { id, role: 'events', node: spec.node, pid: process.pid }, LEASE_MS);
  const lease = setInterval(() => void renew(store, id, 'events', LEASE_MS).catch(() => {}), 1_000);
  const events = await startEvents({
    store,
    ...spec.events,
    owner: id,
    now: () => Date.now(),
    random: () => Math.random(),
    log,
  });
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    await events.stop();
    clearInterval(lease);
    await endProcess(store, id).catch(() => {});
    await store.end();
  }
  return {
    ready: {},
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
