/**
 * Keeps one `watch` activity running: it looks at the minute rollups every few seconds and holds a lane when a fast
 * gate is crossed. The activity returns now and then, so that a new worker's code takes over.
 */
import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/types.ts';

const { watch: look } = proxyActivities<Activities>({
  startToCloseTimeout: '20m',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
});

export async function watch(): Promise<void> {
  while (!workflowInfo().continueAsNewSuggested) await look();
  await continueAsNew<typeof watch>();
}
