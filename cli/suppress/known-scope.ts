import type { Queryable } from '../../store/connect.ts';
import { poolNames } from '../../store/lanes.ts';
import type { SuppressionScope } from '../../store/suppressions.ts';
import { badInput } from '../command.ts';
import { closest } from '../terminal/closest.ts';

/** Throws CliError `bad-input` for a pool nobody has; tenants are known only by their mail, so any may be named. */
export async function knownScope(db: Queryable, scope: SuppressionScope): Promise<void> {
  if (scope.kind !== 'pool') return;
  const pools = await poolNames(db);
  if (pools.includes(scope.target)) return;
  const near = closest(scope.target, pools);
  throw badInput(
    `there is no pool "${scope.target}": ${near === undefined ? `choose one of ${pools.join(', ')}` : `did you mean ${near}?`}`,
  );
}
