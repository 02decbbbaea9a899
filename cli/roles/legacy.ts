/** The role that reads what other engines say: their logs and webhooks. Runs only where feeds are configured. */
import { fetchText, mxResolver } from '../../legacy/outside.ts';
import { startLegacy } from '../../legacy/start.ts';
import { createStore } from '../../store/connect.ts';
import { endProcess, registerProcess, renew } from '../../store/processes.ts';
import type { Ready } from './child.ts';
import type { RoleOrders } from './spec.ts';

type Log = (event: string, fields?: Record<string, unknown>) => void;

const LEASE_MS = 5_000;
/** As in the MTA: tables grow while plans are kept, so what has an index is read through it. */
const SESSION = { enable_seqscan: 'off', jit: 'off' };
/** Days, where the configuration does not say it. */
const KEEP_DAYS = 45;

export async function startLegacyRole(orders: RoleOrders, log: Log): Promise<{ ready: Ready; stop(): Promise<void> }> {
  const { spec, name, databaseUrl } = orders;
  const { feeds = [], listener } = spec.legacy ?? {};
  const store = createStore(databaseUrl, {
    applicationName: `rampart-${name}`,
    max: 2 + Math.min(feeds.length, 8),
    settings: SESSION,
  });
  const id = `${spec.node}/${name}/${process.pid}-${Date.now().toString(36)}`;
  await registerProcess(store, { id, role: 'legacy', node: spec.node, pid: process.pid }, LEASE_MS);
  const lease = setInterval(() => void renew(store, id, 'legacy', LEASE_MS).catch(() => {}), 1_000);
  const legacy = await startLegacy({
    store,
    feeds,
    listener,
    resolveMx: mxResolver(spec.mta.resolvers),
    fetch: fetchText,
    traceKey: spec.mta.traceKey,
    keepDays: spec.mta.keepDays ?? KEEP_DAYS,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    log,
  });
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    await legacy.stop();
    clearInterval(lease);
    await endProcess(store, id).catch(() => {});
    await store.end();
  }
  return {
    ready: { legacyPort: legacy.port },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
