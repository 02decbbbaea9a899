/**
 * The life of one address: it wakes for the next evaluation, at once on an incident or a command, and has one activity
 * measure, decide and apply. Truth is in PostgreSQL; this is the clock and the conductor, so it may be lost and started
 * again from the lane rows.
 */
import { defineSearchAttributeKey, type RetryPolicy } from '@temporalio/common';
import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities, EvaluateResult, Trigger } from '../activities/types.ts';
import {
  type AddressInput,
  type AddressState,
  type By,
  type CommandResult,
  incidentSignal,
  pauseUpdate,
  resumeUpdate,
  setPlanUpdate,
  startRampUpdate,
  type VerbCommand,
  verbUpdate,
  wakeSignal,
} from '../temporal/contracts.ts';

const REMEMBERED = 100;

/** Refusals of bad input end an update; everything else is tried again until the store is back. */
const RETRY: RetryPolicy = { initialInterval: '200ms', maximumInterval: '10s', nonRetryableErrorTypes: ['bad-input'] };

const { evaluate, startRamp, setPlan, pauseLanes, resumeLanes, applyVerb } = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: RETRY,
});
const { probe } = proxyActivities<Activities>({ startToCloseTimeout: '2m', retry: { ...RETRY, maximumAttempts: 3 } });

export async function address(input: AddressInput): Promise<void> {
  const self = new AddressWorkflow(input);
  await self.run();
}

class AddressWorkflow {
  readonly #address: string;
  readonly #historyLimit: number | undefined;
  readonly #chain: string;
  readonly #results: Map<string, CommandResult>;
  #evaluations: number;
  #nextAt: number;
  #probedWindow: number | null;
  #probing = false;
  #incident = false;
  #commanded = false;

  constructor(input: AddressInput) {
    this.#address = input.address;
    this.#historyLimit = input.historyLimit;
    // Operation ids must differ after Temporal's data was lost and the workflow began anew: the chain is in them.
    this.#chain = input.state?.chain ?? workflowInfo().runId;
    this.#results = new Map(input.state?.results ?? []);
    this.#evaluations = input.state?.evaluations ?? 0;
    this.#nextAt = input.state?.nextAt ?? 0;
    this.#probedWindow = input.state?.probedWindow ?? null;

    const address = this.#address;
    const validator = needsActorAndReason;
    setHandler(incidentSignal, () => {
      this.#incident = true;
    });
    setHandler(wakeSignal, () => {
      this.#commanded = true;
    });
    setHandler(startRampUpdate, (command) => this.#once(command, () => startRamp({ ...command, address })), {
      validator,
    });
    setHandler(setPlanUpdate, (command) => this.#once(command, () => setPlan({ ...command, address })), { validator });
    setHandler(pauseUpdate, (command) => this.#once(command, () => pauseLanes({ ...command, address })), { validator });
    setHandler(resumeUpdate, (command) => this.#once(command, () => resumeLanes({ ...command, address })), {
      validator,
    });
    setHandler(verbUpdate, (command) => this.#once(command, () => applyVerb({ ...command, address })), {
      validator: (command: VerbCommand) => {
        needsActorAndReason(command);
        needsSense(command);
      },
    });
  }

  async run(): Promise<void> {
    for (;;) {
      const wait = this.#nextAt - Date.now();
      if (wait > 0) await condition(() => this.#incident || this.#commanded, wait);
      const trigger: Trigger = this.#incident ? 'incident' : this.#commanded ? 'command' : 'schedule';
      this.#incident = false;
      this.#commanded = false;
      this.#evaluations += 1;
      const operationId = `${this.#chain}/${this.#evaluations}`;
      const result = await evaluate({ operationId, address: this.#address, trigger });
      if (result === null) return await condition(allHandlersFinished);
      this.#nextAt = result.nextAt;
      this.#show(result);
      if (result.probe && this.#probedWindow !== result.window && !this.#probing) void this.#probe(result.window);
      if (this.#full()) await this.#carryOn();
    }
  }

  /** Runs a command once: the id of a repeated one returns the result of the first. */
  async #once(command: By, run: () => Promise<CommandResult>): Promise<CommandResult> {
    const known = this.#results.get(command.operationId);
    if (known !== undefined) return known;
    const result = await run();
    this.#results.set(command.operationId, result);
    this.#commanded = true;
    return result;
  }

  /** Probes run beside the evaluations: a slow mailbox must not delay a decision. */
  async #probe(window: number): Promise<void> {
    this.#probing = true;
    this.#probedWindow = window;
    try {
      await probe({ address: this.#address, window });
    } catch {
      // A probe run that failed leaves no placement; the next evaluation sees the feed as stale.
    } finally {
      this.#probing = false;
    }
  }

  #show(result: EvaluateResult): void {
    upsertSearchAttributes([
      { key: defineSearchAttributeKey('WarmupAddress', 'KEYWORD'), value: this.#address },
      { key: defineSearchAttributeKey('WarmupPool', 'KEYWORD'), value: result.pool },
      { key: defineSearchAttributeKey('WarmupPhase', 'KEYWORD'), value: result.phase },
      { key: defineSearchAttributeKey('WarmupStage', 'INT'), value: result.stage },
      { key: defineSearchAttributeKey('WarmupNextAt', 'DATETIME'), value: new Date(result.nextAt) },
    ]);
  }

  #full(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || (this.#historyLimit !== undefined && historyLength > this.#historyLimit);
  }

  /** Only with no activity open and every handler finished: nothing may be lost between two runs. */
  async #carryOn(): Promise<void> {
    await condition(() => !this.#probing && allHandlersFinished());
    const state: AddressState = {
      v: 1,
      chain: this.#chain,
      evaluations: this.#evaluations,
      nextAt: this.#commanded || this.#incident ? 0 : this.#nextAt,
      probedWindow: this.#probedWindow,
      results: [...this.#results].slice(-REMEMBERED),
    };
    const limit = this.#historyLimit === undefined ? {} : { historyLimit: this.#historyLimit };
    await continueAsNew<typeof address>({ address: this.#address, ...limit, state });
  }
}

function needsActorAndReason(command: By): void {
  if (command.actor.trim() === '') throw ApplicationFailure.nonRetryable('say who does it: --actor NAME', 'bad-input');
  if (command.reason.trim() === '') throw ApplicationFailure.nonRetryable('say why: --reason TEXT', 'bad-input');
}

function needsSense({ verb, steps, forMs }: VerbCommand): void {
  const refuse = (says: string) => ApplicationFailure.nonRetryable(says, 'bad-input');
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 1)) throw refuse('step back by 1 stage or more');
  if (forMs !== undefined && !(forMs > 0)) throw refuse(`say how long to ${verb}: --for 3d`);
}
