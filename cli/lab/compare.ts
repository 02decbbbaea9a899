/**
 * The lab's truth against Rampart's deeds: for every trouble the first reaction that fits it, how long it took and how much
 * mail was hurt before it; and every retreat for which there was no reason. Pure.
 */
import type { Trouble } from '../../lab/truth.ts';
import type { Reaction } from './reactions.ts';

export interface Answered {
  readonly trouble: Trouble;
  /** Null: none while it lasted, nor soon after. */
  readonly reaction: Reaction | null;
  readonly delayHours: number | null;
}

export interface FalseReaction {
  readonly reaction: Reaction;
  /** What was wrong meanwhile and called for less; empty in a healthy world. */
  readonly during: readonly Trouble['cause'][];
  /** The last trouble of the lane that was over by then: a late answer, or none at all. */
  readonly after: { readonly cause: Trouble['cause']; readonly hours: number } | null;
}

export interface Comparison {
  readonly troubles: readonly Answered[];
  readonly falseReactions: readonly FalseReaction[];
}

const HOURS_PER_DAY = 24;
/** The lab looks at itself once a plan hour: a reaction may come before its record. */
const BEFORE_HOURS = 1.5;
/** A window's evaluation comes after it, and a retry of what was put off comes hours later. */
const AFTER_HOURS = 36;

/** `dayLength`: ms of a plan day. `complaintHours`: plan hours after which the last complaint about a message is in. */
export function compare(
  troubles: readonly Trouble[],
  reactions: readonly Reaction[],
  options: { readonly dayLength: number; readonly complaintHours: number },
): Comparison {
  const hour = options.dayLength / HOURS_PER_DAY;
  const lingers = (trouble: Trouble) =>
    hour * (COMPLAINED.includes(trouble.cause) ? AFTER_HOURS + options.complaintHours : AFTER_HOURS);
  // A listing is the address's, whoever asks the list: who stops the whole of it has a reason on its other lanes as well.
  const concerns = (reaction: Reaction, trouble: Trouble) =>
    reaction.provider === trouble.provider ||
    (trouble.cause === 'listing' && (reaction.kind === 'quarantine' || reaction.kind === 'held address'));
  const meets = (reaction: Reaction, trouble: Trouble) =>
    concerns(reaction, trouble) &&
    reaction.at >= trouble.from - BEFORE_HOURS * hour &&
    reaction.at < trouble.to + lingers(trouble);
  const lastBefore = ({ provider, at }: Reaction) => {
    const over = troubles.filter((one) => one.provider === provider && one.calls !== 'nothing' && one.to <= at);
    const last = over.toSorted((a, b) => b.to - a.to)[0];
    return last ? { cause: last.cause, hours: (at - last.to) / hour } : null;
  };
  return {
    troubles: troubles.map((trouble) => {
      const own = reactions.filter((one) => one.provider === trouble.provider);
      const reaction = own.find((one) => meets(one, trouble) && answers(one, trouble)) ?? null;
      const delay = reaction === null ? null : Math.max(0, reaction.at - trouble.from) / hour;
      return { trouble, reaction, delayHours: delay };
    }),
    falseReactions: reactions.flatMap((reaction) => {
      const met = troubles.filter((trouble) => meets(reaction, trouble));
      if (reaction.strength === 'part' || met.some((trouble) => excuses(trouble, reaction))) return [];
      return [{ reaction, during: [...new Set(met.map((one) => one.cause))], after: lastBefore(reaction) }];
    }),
  };
}

/** They show themselves in complaints, which come days later. */
const COMPLAINED: readonly Trouble['cause'][] = ['complaint-wave', 'unengaged-campaign', 'reputation'];

/** A stop of a campaign or a domain answers only its own trouble. */
function answers(reaction: Reaction, trouble: Trouble): boolean {
  if (trouble.calls === 'nothing') return false;
  return reaction.strength !== 'part' || [trouble.campaign, trouble.domain].includes(reaction.target);
}

function excuses(trouble: Trouble, reaction: Reaction): boolean {
  return trouble.calls === 'retreat' || (trouble.calls === 'hold' && reaction.strength === 'stop');
}
