/** Begins the warmup of a world's new addresses: one by its own order, several as the range that a person would start. */
import { randomUUID } from 'node:crypto';
import type { Scenario } from '../../lab/scenario.ts';
import type { Calendar } from '../../policy/calendar.ts';
import { planNamed } from '../../policy/plan.ts';
import { stagger } from '../../policy/ranges/stagger.ts';
import { type Store, tx } from '../../store/connect.ts';
import { insertRange } from '../../store/ranges.ts';
import type { TemporalClient } from '../../temporal/client.ts';
import { newcomers, POOL, type Script, targets } from './setting.ts';

const BY = { actor: 'demo', reason: 'a new address' };
const PLAN = 'six-week';

/** Resolves when the first of them is warming, or, of a range, when its workflow walks it. */
export async function beginWarmup(
  store: Store,
  temporal: TemporalClient,
  scenario: Scenario,
  script: Script,
  calendar: Calendar,
): Promise<void> {
  const addresses = newcomers(scenario).map(({ ip }) => ip);
  const figures = { start: script.start, targets: targets(scenario), days: script.days };
  const [first] = addresses;
  if (addresses.length === 1 && first !== undefined) {
    await temporal.startRamp(first, { plan: PLAN, ...figures, ...BY, operationId: randomUUID() });
    return;
  }
  const perDay = scenario.newcomers?.perDay ?? null;
  const id = `${POOL}/${randomUUID()}`;
  const due = stagger({ waiting: addresses, perDay, begunToday: 0, now: Date.now(), calendar });
  await tx(store, (db) =>
    insertRange(
      db,
      {
        ...{ id, written: `${addresses[0]}-${addresses.at(-1)}`, pool: POOL, plan: planNamed(PLAN, figures), perDay },
        ...{ fromZero: false, fingerprint: id, ...BY },
      },
      due.map(({ address, at }) => ({ address, dueAt: at, preflight: null })),
    ),
  );
  await temporal.ensureRange(id);
}
