/** What activities take and give: the contract workflows see (as types only). */
import type {
  CommandResult,
  CutoverCommand,
  Pause,
  Resume,
  SetPlan,
  StartRamp,
  VerbCommand,
} from '../temporal/contracts.ts';

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

export interface CutoverLookInput {
  readonly operationId: string;
  readonly front: string;
}

/** Absolute and recorded, like EvaluateResult. */
export interface CutoverLook {
  readonly policyVersion: string;
  /** When to look again, ms. */
  readonly nextAt: number;
  readonly phase: string;
  readonly rung: number;
  /** Points of the stream that moves. */
  readonly share: number;
  /** That started it; absent in histories of older code; null: a person did. */
  readonly migration?: string | null;
  readonly over: boolean;
  /** Whether probes are to be sent or looked for. */
  readonly probe: boolean;
  /** A webhook that is to be asked; null: none. */
  readonly ask: { readonly gate: 'confirm-step' | 'confirm-rollback'; readonly rung: number } | null;
}

export interface MigrationStep {
  /** Fronts whose cutover runs: each has its workflow. */
  readonly fronts: readonly string[];
  /** When to look again, ms; null: the migration is over. */
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
  /** null: the front has no live cutover. */
  evaluateCutover(input: CutoverLookInput): Promise<CutoverLook | null>;
  orderCutover(command: CutoverCommand & { readonly front: string }): Promise<CommandResult>;
  probeCutover(input: { readonly front: string }): Promise<{ readonly sent: number }>;
  askGate(input: {
    readonly front: string;
    readonly gate: 'confirm-step' | 'confirm-rollback';
    readonly rung: number;
    readonly at: number;
  }): Promise<void>;
  migrate(input: { readonly name: string }): Promise<MigrationStep>;
}
