/**
 * Starts the addresses of a range, day by day. Which address when is in PostgreSQL; this is the clock. One workflow with a
 * timer to the next day, rather than a schedule: it ends by itself, and a lost one begins again from the rows.
 */
import { getExternalWorkflowHandle, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/types.ts';
import { addressId, type RangeInput, wakeSignal } from '../temporal/contracts.ts';

const { startDue } = proxyActivities<Activities>({
  // A block of 256 that begins at once takes a while; a worker that died is noticed long before.
  startToCloseTimeout: '10m',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', nonRetryableErrorTypes: ['bad-input'] },
});

export async function range(input: RangeInput): Promise<void> {
  for (;;) {
    const { started, nextAt } = await startDue({ range: input.range });
    await Promise.all(started.map(wake));
    if (nextAt === null) return;
    await sleep(Math.max(1, nextAt - Date.now()));
  }
}

/** The ramp is in force already; the address's own clock must learn its days. One that is lost begins again with `up`. */
async function wake(address: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(addressId(address)).signal(wakeSignal);
  } catch {
    // No such workflow runs: there is nobody to wake.
  }
}
