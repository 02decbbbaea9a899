/** A command is applied once: in one transaction with its result, which a repeated operation gets back. */
import { type Queryable, tx } from '../store/connect.ts';
import { notifyChange, operationResult, StaleRevision, storeOperation } from '../store/decisions.ts';
import type { CommandResult } from '../temporal/contracts.ts';
import type { ActivityDeps } from './deps.ts';

const TRIES = 5;

/** Runs a command's work in one transaction, once: a repeated operation returns the stored result. */
export async function once(
  deps: ActivityDeps,
  operationId: string,
  work: (db: Queryable) => Promise<CommandResult>,
): Promise<CommandResult> {
  for (let tried = 1; ; tried++) {
    const stored = await operationResult<CommandResult>(deps.store, operationId);
    if (stored !== undefined) return stored;
    try {
      return await tx(deps.store, async (db) => {
        const result = await work(db);
        await storeOperation(db, operationId, result);
        await notifyChange(db, operationId);
        return result;
      });
    } catch (error) {
      if (!(error instanceof StaleRevision) || tried === TRIES) throw error;
    }
  }
}
