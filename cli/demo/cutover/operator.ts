/**
 * The person beside the migration: accepts by name what differs between the arms' messages, and after a rollback waits
 * until the provider has come round, and lets the pool go on. The trouble that makes it necessary is caused here as well.
 */
import { randomUUID } from 'node:crypto';
import { ladderOf, pointsOf } from '../../../policy/cutover/ladder.ts';
import { openDifferences } from '../../../policy/cutover/orders.ts';
import type { Store } from '../../../store/connect.ts';
import { type CutoverRow, cutoverDecisions, cutoverOf } from '../../../store/cutovers.ts';
import type { TemporalClient } from '../../../temporal/client.ts';
import type { CutoverCommand } from '../../../temporal/contracts.ts';
import type { WorldProcess } from '../processes.ts';
import { DAY_MS, MOVED, TROUBLE } from './setting.ts';

const WHO = 'demo';
const WHERE = TROUBLE.providers.join(' and ');

export class Operator {
  readonly #store: Store;
  readonly #temporal: TemporalClient;
  readonly #world: WorldProcess;
  readonly #epoch: number;
  /** When the provider's trouble ends, ms; undefined: it has not begun. */
  #troubleEnds: number | undefined;
  /** What was done, in words, newest last. */
  readonly log: string[] = [];

  constructor(store: Store, temporal: TemporalClient, world: WorldProcess, epoch: number) {
    this.#store = store;
    this.#temporal = temporal;
    this.#world = world;
    this.#epoch = epoch;
  }

  /** Looks at every pool once, and does what there is to do. */
  async look(): Promise<void> {
    for (const { name } of MOVED) {
      const row = await cutoverOf(this.#store, name);
      if (row === undefined || row.endedAt !== null) continue;
      await this.#acceptDifferences(row);
      await this.#makeTrouble(row);
      await this.#mend(row);
    }
  }

  async #acceptDifferences(row: CutoverRow): Promise<void> {
    const accepted = row.accepted.map(({ name }) => name);
    const open = row.differences === null ? [] : openDifferences(row.differences, accepted);
    if (open.length === 0) return;
    const names = open.map(({ name }) => name);
    await this.#order(row.front, { verb: 'accept-differences', names }, 'bounces come to Rampart from now on');
    this.log.push(`${row.front}: accepted that the arms’ messages differ in ${names.join(', ')}`);
  }

  async #makeTrouble(row: CutoverRow): Promise<void> {
    const share = pointsOf(ladderOf(row.plan, row.scope), row.rung);
    if (row.front !== TROUBLE.pool || this.#troubleEnds !== undefined || share < TROUBLE.share) return;
    this.#troubleEnds = Date.now() + TROUBLE.days * DAY_MS;
    for (const provider of TROUBLE.providers)
      await this.#world.cause({
        ...{ type: 'clampdown', provider, fromDay: (Date.now() - this.#epoch) / DAY_MS },
        ...{ days: TROUBLE.days, dailyAllowance: 4, deferShare: 0.95 },
      });
    this.log.push(`the lab: ${WHERE} now defer what comes from addresses they do not know`);
  }

  async #mend(row: CutoverRow): Promise<void> {
    if (row.phase !== 'rolled-back' || this.#troubleEnds === undefined || Date.now() < this.#troubleEnds) return;
    const reason = `${WHERE} have lifted their limits`;
    await this.#order(row.front, { verb: 'resume' }, reason);
    const last = (await cutoverDecisions(this.#store, row.id)).at(-1);
    this.log.push(`${row.front}: ${last?.event ?? 'resume'}, because ${reason}`);
  }

  async #order(front: string, command: Pick<CutoverCommand, 'verb' | 'names'>, reason: string): Promise<void> {
    await this.#temporal.cutover(front, { ...command, actor: WHO, reason, operationId: randomUUID() });
  }
}
