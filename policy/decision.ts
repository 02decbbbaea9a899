/**
 * What a decision about a lane is made from, and what it is: types alone. All that `decide` reads of a lane is in its input,
 * which is kept with the decision, so that the same rules make it again (recorded.ts).
 */
import type { StageUse } from './advance.ts';
import type { Evidence, Judgement } from './evidence.ts';
import type { ListingSeen } from './gates/listing.ts';
import type { PlacementRule } from './gates/placement.ts';
import type { GateOptions } from './gates/settings.ts';
import type { Signal } from './gates/signals.ts';
import type { LaneDemand } from './graduation.ts';
import type { Hold } from './holds.ts';
import type { PauseReason, Phase } from './lane.ts';
import type { LaneOrder } from './orders.ts';
import type { Plan } from './plan.ts';
import type { ProbeAnswers } from './quarantine.ts';

export interface LaneState {
  readonly address: string;
  readonly provider: string;
  readonly phase: Phase;
  readonly stage: number;
  readonly ceiling: number;
  readonly normal: number;
  readonly clean: number;
  /** Last window that advanced the lane. */
  readonly advanced: number | null;
}

/** `answered`: read before the lane's last retreat, which was its answer. */
export type LaneSignal = Signal & { readonly answered: boolean };

export interface SuspendedCampaign {
  readonly name: string;
  readonly bounces: number;
  readonly attempts: number;
}

export interface LaneInput {
  readonly lane: LaneState;
  /** The plan of the live or last ramp; null for a lane that was declared warm. */
  readonly plan: Plan | null;
  readonly window: number;
  /** The window's last evaluation: only it may raise. */
  readonly final: boolean;
  /** The window was the ramp's first and had fewer sending hours than a day: its stage repeats. */
  readonly prorated: boolean;
  /** Why the lane is paused. A gate's hold that a step back has answered is silence, not a pause. */
  readonly paused: readonly PauseReason[];
  /** A metric each: the send days it looks back to since the last retreat, with the change detectors' sums. */
  readonly week: readonly Evidence[];
  /** What others say of the address at this provider (block lists, consoles); absent: nothing was read. */
  readonly signals?: readonly LaneSignal[];
  /** Mail of this window and this stage; `stopped`: a hold cut the window. */
  readonly use: StageUse & { readonly stopped: boolean };
  /** Since its last message (or since it is in its phase, where it sent none): plan ms. */
  readonly idle: number;
  /** Live holds of gates and incidents on this lane that no decision has answered yet. */
  readonly crossed: readonly Hold[];
  /** Live operator holds, for the reason's text. */
  readonly operatorHolds: readonly Hold[];
  /** Campaigns suspended in this window whose bounces this lane carried. */
  readonly campaigns: readonly SuspendedCampaign[];
  readonly placement: PlacementRule;
  /** What operators ordered for this lane, while it binds. */
  readonly orders?: { readonly freeze?: LaneOrder | undefined; readonly promote?: LaneOrder | undefined };
  /** Of a lane that probes: what its probes met. */
  readonly probes?: ProbeAnswers;
  /** Plan ms since its evidence was emptied last (a start or a retreat). */
  readonly sinceRetreat?: number;
  /** Gates of a lane that follows no plan, as configured; a plan has its own. */
  readonly gates?: GateOptions;
  /** What DNS lists said of its address; absent: none is asked. */
  readonly listings?: readonly ListingSeen[];
  /** How much mail there was for it; absent: not measured, or not yet worth measuring. */
  readonly demand?: LaneDemand;
}

export type DecisionKind =
  | 'start'
  | 'advance'
  | 'hold'
  | 'step-back'
  | 'pause'
  | 'quarantine'
  | 'resume'
  | 'set-plan'
  | 'promote'
  | 'abort'
  | 'complete';

export interface LaneDecision {
  readonly kind: DecisionKind;
  readonly phase: Phase;
  readonly stage: number;
  readonly ceiling: number;
  readonly clean: number;
  /** Evidence before now no longer counts (a retreat empties the window). */
  readonly retreat: boolean;
  readonly raised: boolean;
  readonly reason: string;
  readonly judgements: readonly Judgement[];
  /** Its normal limit from now on, messages a day; absent: as it was. */
  readonly normal?: number;
  /** The order it used up; whoever gave it answers for the decision. */
  readonly uses?: LaneOrder;
}
