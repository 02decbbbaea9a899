/**
 * The life of one cutover: it wakes for the next look, at once on an order, and has one activity measure, decide and apply.
 * Approvals and webhooks' answers are state in PostgreSQL, never waiting handlers; looks go on while somebody is asked.
 */
import { defineSearchAttributeKey, type RetryPolicy } from '@temporalio/common';
import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  patched,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities, CutoverLook } from '../activities/types.ts';
import {
  type CommandResult,
  type CutoverCommand,
  type CutoverInput,
  type CutoverWorkflowState,
  cutoverUpdate,
  wakeSignal,
} from '../temporal/contracts.ts';

const REMEMBERED = 100;
const RETRY: RetryPolicy = { initialInterval: '200ms', maximumInterval: '10s', nonRetryableErrorTypes: ['bad-input'] };

const { evaluateCutover, orderCutover } = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '5s',
  retry: RETRY,
});
const { probeCutover, askGate } = proxyActivities<Activities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '5s',
  retry: { ...RETRY, maximumAttempts: 3 },
});

export async function cutover(input: CutoverInput): Promise<void> {
  await new CutoverWorkflow(input).run();
}

class CutoverWorkflow {
  readonly #front: string;
  readonly #historyLimit: number | undefined;
  readonly #chain: string;
  readonly #results: Map<string, CommandResult>;
  /** Runs that began before there was something to show replay without it. */
  readonly #shows = patched('cutover-search-attributes');
  #looks: number;
  #nextAt: number;
  #woken = false;
  #probing = false;
  #asking = false;

  constructor({ front, historyLimit, state }: CutoverInput) {
    this.#front = front;
    this.#historyLimit = historyLimit;
    // As of an address: operation ids must differ after Temporal's data was lost.
    this.#chain = state?.chain ?? workflowInfo().runId;
    this.#results = new Map(state?.results ?? []);
    this.#looks = state?.looks ?? 0;
    this.#nextAt = state?.nextAt ?? 0;
    setHandler(wakeSignal, () => {
      this.#woken = true;
    });
    setHandler(cutoverUpdate, (command) => this.#order(command), { validator: needsSense });
  }

  async run(): Promise<void> {
    for (;;) {
      const wait = this.#nextAt - Date.now();
      if (wait > 0) await condition(() => this.#woken, wait);
      this.#woken = false;
      this.#looks += 1;
      const look = await evaluateCutover({ operationId: `${this.#chain}/${this.#looks}`, front: this.#front });
      if (look !== null && this.#shows) this.#show(look);
      if (look === null || look.over) {
        await condition(() => allHandlersFinished() && !this.#probing && !this.#asking);
        // An order may have come for a cutover that began meanwhile.
        if (!this.#woken) return;
        continue;
      }
      this.#nextAt = look.nextAt;
      if (look.probe && !this.#probing) void this.#probe();
      if (look.ask !== null && !this.#asking) void this.#ask(look.ask);
      if (this.#full()) await this.#carryOn();
    }
  }

  #show({ phase, share, nextAt, migration }: CutoverLook): void {
    upsertSearchAttributes([
      { key: defineSearchAttributeKey('CutoverFront', 'KEYWORD'), value: this.#front },
      { key: defineSearchAttributeKey('CutoverPhase', 'KEYWORD'), value: phase },
      { key: defineSearchAttributeKey('CutoverShare', 'INT'), value: Math.round(share) },
      { key: defineSearchAttributeKey('CutoverNextAt', 'DATETIME'), value: new Date(nextAt) },
      ...(migration == null
        ? []
        : [{ key: defineSearchAttributeKey('CutoverMigration', 'KEYWORD'), value: migration }]),
    ]);
  }

  async #order(command: CutoverCommand): Promise<CommandResult> {
    const known = this.#results.get(command.operationId);
    if (known !== undefined) return known;
    const result = await orderCutover({ ...command, front: this.#front });
    this.#results.set(command.operationId, result);
    this.#woken = true;
    return result;
  }

  /** A slow mailbox must not delay a decision. */
  async #probe(): Promise<void> {
    this.#probing = true;
    try {
      await probeCutover({ front: this.#front });
    } catch {
      // The next look wants it again.
    } finally {
      this.#probing = false;
    }
  }

  async #ask(asked: NonNullable<CutoverLook['ask']>): Promise<void> {
    this.#asking = true;
    try {
      await askGate({ front: this.#front, ...asked, at: Date.now() });
      this.#woken = true;
    } catch {
      // Nobody could be asked: the next look asks again.
    } finally {
      this.#asking = false;
    }
  }

  #full(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || (this.#historyLimit !== undefined && historyLength > this.#historyLimit);
  }

  async #carryOn(): Promise<void> {
    await condition(() => !this.#probing && !this.#asking && allHandlersFinished());
    const state: CutoverWorkflowState = {
      ...{ v: 1, chain: this.#chain, looks: this.#looks, nextAt: this.#woken ? 0 : this.#nextAt },
      results: [...this.#results].slice(-REMEMBERED),
    };
    const limit = this.#historyLimit === undefined ? {} : { historyLimit: this.#historyLimit };
    await continueAsNew<typeof cutover>({ front: this.#front, ...limit, state });
  }
}

function needsSense(command: CutoverCommand): void {
  const refuse = (says: string) => ApplicationFailure.nonRetryable(says, 'bad-input');
  if (command.actor.trim() === '') throw refuse('say who does it: --actor NAME');
  if (command.reason.trim() === '') throw refuse('say why: --reason TEXT');
  if (command.verb === 'accept-differences' && (command.names ?? []).length === 0)
    throw refuse('name the differences you accept');
  if (command.to !== undefined && !(command.to >= 0 && command.to < 100))
    throw refuse('a rollback goes to a share from 0% to below 100%: --to 20%');
}
