/** The MTA role. */
import { startMta } from '../../mta/start.ts';
import type { Ready } from './child.ts';
import type { RoleOrders } from './spec.ts';

type Log = (event: string, fields?: Record<string, unknown>) => void;

export async function startMtaRole(
  orders: RoleOrders,
  log: Log,
): Promise<{ ready: Ready; reload(): void; stop(): Promise<void> }> {
  const { spec, name, databaseUrl } = orders;
  // Taken for dead by others: what it held is theirs now, so it must not go on. Its supervisor starts it anew.
  const lost = () => {
    log('lease-lost');
    process.exit(75);
  };
  const mta = await startMta({ ...spec.mta, name, node: spec.node, databaseUrl, log }, lost);
  const { submissionPort, inboundPort, listenerPorts, httpPort } = mta;
  const ready = { submissionPort, inboundPort, listenerPorts, httpPort };
  return { ready, reload: () => mta.reload(), stop: () => mta.stop() };
}
