/** Entry point of a role process: takes its orders from its parent, says when it serves, stops when told or orphaned. */
import { writeSync } from 'node:fs';
import type { Role } from './child.ts';
import { startEventsRole } from './events.ts';
import { startLegacyRole } from './legacy.ts';
import { startMtaRole } from './mta.ts';
import type { RoleOrders } from './spec.ts';
import { startWorkerRole } from './worker.ts';

const starters = {
  mta: startMtaRole,
  worker: startWorkerRole,
  events: startEventsRole,
  legacy: startLegacyRole,
} as const;
const role = process.argv[2] as Role;

/** The log may be on a disk that is full: its lines are lost then, the role goes on, and the next lines are there again. */
export function log(event: string, fields: Record<string, unknown> = {}): void {
  try {
    writeSync(process.stdout.fd, `${JSON.stringify({ at: new Date().toISOString(), role, event, ...fields })}\n`);
  } catch {}
}
// What libraries print goes the same way, and an error nobody hears of would end the process.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

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
