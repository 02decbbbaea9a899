/** Entry point of a role process: takes its orders from its parent, says when it serves, stops when told or orphaned. */
import type { Role } from './child.ts';
import { startEventsRole } from './events.ts';
import { startMtaRole } from './mta.ts';
import type { RoleOrders } from './spec.ts';
import { startWorkerRole } from './worker.ts';

const starters = { mta: startMtaRole, worker: startWorkerRole, events: startEventsRole } as const;
const role = process.argv[2] as Role;

export const log = (event: string, fields: Record<string, unknown> = {}) =>
  console.log(JSON.stringify({ at: new Date().toISOString(), role, event, ...fields }));

// Handled from the start: its default would end a role that is still starting.
let reload = () => {};
process.on('SIGHUP', () => reload());

process.once('message', async (orders: RoleOrders) => {
  try {
    const running = await starters[role](orders, log);
    const { reload: again } = running as { reload?: () => void };
    if (again !== undefined) reload = again;
    const stop = async () => {
      await running.stop();
      process.exit(0);
    };
    process.once('SIGTERM', () => void stop());
    // The parent is gone: a role without its supervisor would be an orphan nobody can find.
    process.once('disconnect', () => void stop());
    process.send?.(running.ready);
  } catch (error) {
    log('not-started', { error: (error as Error).message });
    process.exit(1);
  }
});
