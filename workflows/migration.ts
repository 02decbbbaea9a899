/** Pools one after the other. Which one is next, and whether it may start, is in PostgreSQL; this is the clock. */
import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  patched,
  proxyActivities,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/types.ts';
import { cutoverId, type MigrationInput, wakeSignal } from '../temporal/contracts.ts';
import { cutover } from './cutover.ts';

const { migrate } = proxyActivities<Activities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', nonRetryableErrorTypes: ['bad-input'] },
});

export async function migration(input: MigrationInput): Promise<void> {
  const begun = new Set<string>();
  let woken = false;
  const shows = patched('migration-search-attributes');
  setHandler(wakeSignal, () => {
    woken = true;
  });
  for (;;) {
    woken = false;
    const { fronts, nextAt } = await migrate({ name: input.name });
    if (shows) show(input.name, fronts[0], nextAt);
    for (const front of fronts) {
      if (begun.has(front)) continue;
      begun.add(front);
      await begin(front);
    }
    if (nextAt === null) return;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof migration>(input);
    await condition(() => woken, Math.max(1, nextAt - Date.now()));
  }
}

/** What is over keeps what was shown of it last. */
function show(name: string, front: string | undefined, nextAt: number | null): void {
  const pairs: SearchAttributeUpdatePair[] = [
    { key: defineSearchAttributeKey('CutoverMigration', 'KEYWORD'), value: name },
  ];
  if (front !== undefined) pairs.push({ key: defineSearchAttributeKey('CutoverFront', 'KEYWORD'), value: front });
  if (nextAt !== null)
    pairs.push({ key: defineSearchAttributeKey('CutoverNextAt', 'DATETIME'), value: new Date(nextAt) });
  upsertSearchAttributes(pairs);
}

/** The cutover outlives the migration that began it. One that runs already only has to look. */
async function begin(front: string): Promise<void> {
  try {
    await startChild(cutover, {
      ...{ workflowId: cutoverId(front), args: [{ front }], workflowTaskTimeout: '2s' },
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  } catch {
    await getExternalWorkflowHandle(cutoverId(front))
      .signal(wakeSignal)
      .catch(() => {});
  }
}
