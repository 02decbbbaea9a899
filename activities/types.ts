/** What activities take and give: the contract workflows see (as types only). */
import type { CommandResult, Pause, Resume, SetPlan, StartRamp, VerbCommand } from '../temporal/contracts.ts';

export type Trigger = 'schedule' | 'incident' | 'command';

export interface EvaluateInput {
  readonly operationId: string;
  readonly address: string;
  readonly trigger: Trigger;
  /** Lanes an operator asks to be judged now as at a window's end, and who answers for it. */
  readonly ask?: Asked;
}

export interface Asked {
  readonly providers: readonly string[];
  readonly actor: string;
  readonly reason: string;
}

/** Absolute, recorded: a later policy never changes what a replay reads here. */
export interface EvaluateResult {
  readonly policyVersion: string;
  readonly window: number;
  /** When to evaluate next, ms. */
  readonly nextAt: number;
  readonly pool: string;
  /** The least advanced phase of the address's lanes, for lists. */
  readonly phase: string;
  readonly stage: number;
  /** Whether a probe run is wanted in this window. */
  readonly probe: boolean;
  readonly decided: number;
}

export type CommandOf<T> = T & { readonly address: string };

export interface RangeStep {
  /** Addresses whose ramp began since the day in which the look began. */
  readonly started: readonly string[];
  /** When to look again, ms; null: the range is done. */
  readonly nextAt: number | null;
}

export interface Activities {
  /** null: nobody knows the address, so there is nothing to live for. */
  evaluate(input: EvaluateInput): Promise<EvaluateResult | null>;
  startRamp(command: CommandOf<StartRamp>): Promise<CommandResult>;
  setPlan(command: CommandOf<SetPlan>): Promise<CommandResult>;
  pauseLanes(command: CommandOf<Pause>): Promise<CommandResult>;
  resumeLanes(command: CommandOf<Resume>): Promise<CommandResult>;
  applyVerb(command: CommandOf<VerbCommand>): Promise<CommandResult>;
  probe(input: { readonly address: string; readonly window: number }): Promise<{ readonly sent: number }>;
  watch(): Promise<void>;
  /** One look at a range: starts what is due. */
  startDue(input: { readonly range: string }): Promise<RangeStep>;
}
