/** Gathers what the verdict needs: what the lab's providers wrote down, and what Rampart says became of every message. */
import path from 'node:path';
import type { InjectedLine, ReceivedLine } from '../../../lab/records.ts';
import { ladderOf, pointsOf } from '../../../policy/cutover/ladder.ts';
import { type Fates, fates } from '../../../store/accounts.ts';
import type { Store } from '../../../store/connect.ts';
import { type CutoverDecisionRow, cutoverDecisions, cutoverOf } from '../../../store/cutovers.ts';
import { type Ends, endsOf } from '../../../store/front-ends.ts';
import { type MigrationRow, migrationRow } from '../../../store/pool-migrations.ts';
import { lines } from '../facts.ts';
import type { Operator } from './operator.ts';
import { MIGRATION, MOVED } from './setting.ts';

export interface PoolFacts {
  readonly front: string;
  readonly phase: string;
  readonly injected: readonly InjectedLine[];
  readonly decisions: readonly (CutoverDecisionRow & { readonly fromShare: number; readonly toShare: number })[];
  /** Rampart's own count: mail of the front by what became of it. */
  readonly ends: Ends;
}

export interface Facts {
  readonly received: readonly ReceivedLine[];
  readonly pools: readonly PoolFacts[];
  readonly migration: MigrationRow | undefined;
  readonly fates: Fates;
  /** What the person beside it did. */
  readonly log: readonly string[];
}

export async function gather(store: Store, labDir: string, operator: Operator): Promise<Facts> {
  const pools: PoolFacts[] = [];
  for (const { name } of MOVED) {
    const row = await cutoverOf(store, name);
    const ladder = row === undefined ? [] : ladderOf(row.plan, row.scope);
    const decisions = row === undefined ? [] : await cutoverDecisions(store, row.id);
    pools.push({
      front: name,
      phase: row?.phase ?? 'waiting',
      injected: await lines<InjectedLine>(path.join(labDir, name, 'injected.jsonl')),
      decisions: decisions.map((one) => ({
        ...one,
        ...{ fromShare: pointsOf(ladder, one.fromRung), toShare: pointsOf(ladder, one.toRung) },
      })),
      ends: await endsOf(store, name),
    });
  }
  return {
    received: await lines<ReceivedLine>(path.join(labDir, 'received.jsonl')),
    pools,
    migration: await migrationRow(store, MIGRATION),
    fates: await fates(store),
    log: operator.log,
  };
}
