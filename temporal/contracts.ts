/**
 * Messages between the outside and the workflows. Updates, because callers need an answer (and a refused one leaves no
 * history); a signal only for incidents, which are facts nobody waits for. Instants are absolute, in ms.
 */
import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { CutoverVerb } from '../policy/cutover/orders.ts';
import type { Plan } from '../policy/plan.ts';
import type { LaneVerb } from '../policy/verbs.ts';

export const TASK_QUEUE = 'rampart';
export const NAMESPACE = 'rampart';
export const WATCH_ID = 'watch/fleet';

export const addressId = (address: string) => `address/${address}`;
export const rangeId = (range: string) => `range/${range}`;
export const cutoverId = (front: string) => `cutover/${front}`;
export const migrationId = (name: string) => `migration/${name}`;

/** Who did it and why: every raising or lifting carries them. */
export interface By {
  readonly actor: string;
  readonly reason: string;
  /** Chosen by the caller; repeating a command with the same id returns the first result. */
  readonly operationId: string;
}

export interface StartRamp extends By {
  readonly plan: string;
  /** Messages a day on the first day, and per provider on the last ('default' required). */
  readonly start?: number;
  readonly targets?: Readonly<Record<string, number>>;
  readonly days?: number;
  /** The plan as the caller drew it up, which may be his own; absent: the shipped one called `plan`. */
  readonly drawn?: Plan;
  /** What another engine sent from this address earns nothing: every lane starts at its first stage. */
  readonly fromZero?: boolean;
  /** What was found before the start: the row that is kept, and its sum in words. */
  readonly preflight?: { readonly id: number; readonly says: string };
}

export interface SetPlan extends By {
  /** What is to follow the stages that were executed. */
  readonly plan: Plan;
}

export interface LaneCommand extends By {
  /** null: the whole address. */
  readonly provider: string | null;
}

export interface Pause extends LaneCommand {
  /** The hold the caller has placed; absent: one is placed. One that was lifted before this is heard stays lifted. */
  readonly hold?: number;
}

export interface Resume extends LaneCommand {
  /** The holds the caller saw and lifts; others stay. */
  readonly holds: readonly number[];
  /** The orders (a held ceiling) the caller saw and ends. */
  readonly orders?: readonly number[];
}

/** Any other verb of an operator: policy/verbs.ts says what each does in which phase. */
export interface VerbCommand extends LaneCommand {
  readonly verb: LaneVerb;
  /** Of hold and promote: how long, plan ms. */
  readonly forMs?: number;
  /** Of step-back: rows. */
  readonly steps?: number;
  /** Of complete: though it is far from its plan's end. */
  readonly force?: boolean;
}

/** What a command did to one lane, or why it did nothing. */
export interface LaneOutcome {
  readonly provider: string;
  readonly done: boolean;
  readonly says: string;
}

export interface CommandResult {
  readonly says: string;
  readonly rampId: string | null;
  readonly lanes?: readonly LaneOutcome[];
}

export interface AddressInput {
  readonly address: string;
  /** History length at which a test wants continue-as-new; absent: the server's advice. */
  readonly historyLimit?: number;
  readonly state?: AddressState;
}

/** What one run hands to the next: plain JSON, versioned. */
export interface AddressState {
  readonly v: 1;
  readonly chain: string;
  readonly evaluations: number;
  readonly nextAt: number;
  readonly probedWindow: number | null;
  /** Results of the last commands: update de-duplication does not cross runs. */
  readonly results: readonly (readonly [string, CommandResult])[];
}

export const startRampUpdate = defineUpdate<CommandResult, [StartRamp]>('startRamp');
export const setPlanUpdate = defineUpdate<CommandResult, [SetPlan]>('setPlan');
export const pauseUpdate = defineUpdate<CommandResult, [Pause]>('pause');
export const resumeUpdate = defineUpdate<CommandResult, [Resume]>('resume');
export const verbUpdate = defineUpdate<CommandResult, [VerbCommand]>('verb');
export const incidentSignal = defineSignal<[{ readonly incident: number; readonly cause: string }]>('incident');

/** Something about the address changed in the store: look now, not at the next evaluation. */
export const wakeSignal = defineSignal('wake');

export interface RangeInput {
  /** Id of its row. */
  readonly range: string;
}

/** A person's order about a cutover (policy/cutover/orders.ts). */
export interface CutoverCommand extends By {
  readonly verb: CutoverVerb | 'accept-differences';
  /** Of a rollback: points it goes down to; absent: nothing. */
  readonly to?: number;
  /** Of accept-differences. */
  readonly names?: readonly string[];
  /** Of what goes back: mail that was attempted, messages a day the old arm takes, and plan hours the rest is spread over. */
  readonly attempted?: 'stay' | 'move';
  readonly perDay?: number;
  readonly spreadHours?: number;
}

export interface CutoverInput {
  /** The pool the application names. */
  readonly front: string;
  readonly historyLimit?: number;
  readonly state?: CutoverWorkflowState;
}

/** What one run hands to the next. */
export interface CutoverWorkflowState {
  readonly v: 1;
  readonly chain: string;
  readonly looks: number;
  readonly nextAt: number;
  readonly results: readonly (readonly [string, CommandResult])[];
}

export interface MigrationInput {
  readonly name: string;
}

export const cutoverUpdate = defineUpdate<CommandResult, [CutoverCommand]>('cutover');

/** Search attributes of workflows of addresses, of cutovers and of migrations (registered by temporal/search-attributes.ts). */
export const SEARCH_ATTRIBUTES = {
  WarmupAddress: 'KEYWORD',
  WarmupPool: 'KEYWORD',
  WarmupPhase: 'KEYWORD',
  WarmupStage: 'INT',
  WarmupNextAt: 'DATETIME',
  /** The pool that is cut over; of a migration, the one whose turn it is. */
  CutoverFront: 'KEYWORD',
  CutoverPhase: 'KEYWORD',
  /** Points of the stream that moves. */
  CutoverShare: 'INT',
  CutoverNextAt: 'DATETIME',
  CutoverMigration: 'KEYWORD',
} as const;
