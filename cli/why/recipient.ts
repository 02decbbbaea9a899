/**
 * Why one queued recipient has not gone out: the rule that binds it, what changes that, and each lane that might carry it
 * with what keeps it from doing so. Pure; the order is that of the MTA.
 */

import { type MailTraits, mayCarry } from '../../policy/carry.ts';
import { armOf, type Split } from '../../policy/cutover/split.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { armTarget, type Easing, easingsOf, type Hold, holdsOnLane, isLive } from '../../policy/holds.ts';
import { maySend } from '../../policy/lane.ts';
import { isSated } from '../../policy/tenant-share.ts';
import type { QueuedMail } from '../../store/queued-mail.ts';
import type { TenantUse } from '../../store/tenant-use.ts';
import { holdText } from '../status/hold-text.ts';
import type { LaneFacts } from '../status/lane-facts.ts';
import { liftText } from '../status/lift.ts';
import { span, stamp } from '../terminal/time.ts';
import { untilDue } from './until-due.ts';

export interface LaneReason {
  /** `198.51.100.9 google`, or the upstream. */
  readonly lane: string;
  /** null: nothing; it takes the mail with its next unit. */
  readonly why: string | null;
  /** What changes it, for people: a command, or a key of the configuration; null: nothing is to be changed. */
  readonly change: string | null;
}

export interface RecipientReason {
  readonly recipient: number;
  readonly rcpt: string;
  /** sending, expired, hold, route, not-before, release, retry, put-off, pool, lanes, or none. */
  readonly rule: string;
  readonly says: string;
  /** As a lane's. */
  readonly change: string | null;
  readonly lanes: readonly LaneReason[];
}

export interface Surroundings {
  readonly holds: readonly Hold[];
  /** Stops that were lifted a short time ago. */
  readonly easings: readonly Easing[];
  readonly now: number;
  /** Lanes that carry this mail's provider: of its pool, then warm ones of the pool it overflows to. */
  readonly lanes: readonly LaneFacts[];
  /** What tenants had of a cold lane's open window; absent: of none was it looked up. */
  readonly tenants?: (lane: LaneFacts) => TenantUse | undefined;
  /** Largest part of a cold lane for one tenant while others wait. */
  readonly tenantShare: number;
  readonly splits: readonly Pick<Split, 'front' | 'oldArm' | 'newArm'>[];
  /** Hosts of the upstream that takes the pool's mail, or of the one it overflows to. */
  readonly upstream: { readonly pool: string; readonly hosts: readonly string[] } | null;
}

export function whyRecipient(mail: QueuedMail, around: Surroundings): RecipientReason {
  const { id: recipient, rcpt } = mail;
  const { now } = around;
  const say = (rule: string, says: string, change: string | null = null, lanes: readonly LaneReason[] = []) => ({
    ...{ recipient, rcpt, rule, says, change, lanes },
  });
  if (mail.claim !== null) return say('sending', `in hand: being sent by ${mail.claim}`);
  if (mail.expires <= now) return say('expired', 'its time is over: it ends with the next look of an MTA process');
  const held = around.holds.find((hold) => hold.reach === 'all' && isLive(hold, now) && names(mail, hold, around));
  if (held !== undefined) return say('hold', holdText(held), liftText(held));
  if (mail.provider === null) {
    const why = mail.reason === null ? '' : `: ${mail.reason}`;
    return say('route', `the provider of ${mail.domain} is not known yet${why}`, './rampart doctor looks at the DNS');
  }
  const lanes = laneReasons(mail, around);
  if (mail.due > now) {
    const { rule, says, change } = untilDue(mail, now);
    return say(rule, says, change, lanes);
  }
  if (lanes.length === 0) {
    const change = `./rampart mta reroute --pool ${mail.pool} --provider ${mail.provider} --to POOL --reason '…', or addresses for the pool`;
    return say('pool', `pool ${mail.pool} has no lane for ${mail.provider}`, change);
  }
  const able = lanes.filter(({ why }) => why === null);
  if (able.length > 0)
    return say('none', `nothing: ${able.map(({ lane }) => lane).join(' or ')} takes it`, null, lanes);
  const [only, ...others] = lanes;
  return others.length === 0
    ? say('lanes', `${only?.lane}: ${only?.why}`, only?.change, lanes)
    : say('lanes', `none of ${lanes.length} lanes takes it now`, null, lanes);
}

/** Does a hold name the mail itself? Of a pool: its mail on lanes of the pool it overflows to stops as well. */
function names(mail: QueuedMail, { scope, target }: Hold, { splits }: Surroundings): boolean {
  if (scope === 'arm') {
    const split = splits.find(({ front }) => front === (mail.front ?? mail.pool));
    const arm = split === undefined ? null : armOf(split, mail.pool);
    return split !== undefined && arm !== null && armTarget(split.front, arm) === target;
  }
  const named = scope === 'campaign' || scope === 'tenant' || scope === 'domain' || scope === 'stream';
  return (named || scope === 'pool') && mail[scope] === target;
}

function laneReasons(mail: QueuedMail, around: Surroundings): LaneReason[] {
  const { lanes, upstream, holds, now } = around;
  const own = lanes.filter(({ lane }) => lane.pool === mail.pool);
  const warmOpen = own.some((one) => !one.cold && one.binds.rule === 'none');
  // Those that may carry it first: what keeps them is what a list has room for.
  const fits = (facts: LaneFacts) => notThisLane(mail, facts, own) === null;
  const inOrder = lanes.toSorted((a, b) => Number(fits(b)) - Number(fits(a)));
  const reasons = inOrder.map((facts): LaneReason => {
    const { lane, cold, binds } = facts;
    const because = (why: string | null, change: string | null = null) => ({
      lane: `${lane.address} ${lane.provider}`,
      ...{ why, change },
    });
    const unfit = notThisLane(mail, facts, own);
    if (unfit !== null) return because(unfit.why, unfit.change);
    const held = cold ? holds.find((hold) => isLive(hold, now) && names(mail, hold, around)) : undefined;
    if (held !== undefined) return because(holdText(held), liftText(held));
    if (lane.pool !== mail.pool && warmOpen)
      return because(`of pool ${lane.pool}: overflow, while no warm lane of ${mail.pool} may send`);
    const use = SHARED.includes(binds.rule) ? around.tenants?.(facts) : undefined;
    if (use?.othersWait && isSated(use, around.tenantShare))
      return because(sated(mail.tenant, use, around.tenantShare), 'mta.tenantShare in the configuration');
    const [slow] = easingsOf(around.easings, mail, { ...lane, cold }, now);
    if (binds.rule === 'none' && slow !== undefined) return because(slowly(slow));
    if (binds.rule === 'none') return because(null);
    const next = binds.nextAt === null || binds.nextAt <= now ? '' : `; next in ${span(binds.nextAt - now)}`;
    return because(`${binds.says}${next}`, binds.change);
  });
  if (upstream === null) return reasons;
  const name = `upstream ${upstream.pool} (${upstream.hosts.join(', then ')})`;
  return [...reasons, { lane: name, ...ofUpstream(mail, upstream.pool, warmOpen, around) }];
}

/** Rules under which a lane goes on in this window: whose turn it is matters. */
const SHARED: readonly string[] = ['none', 'pace', 'hour', 'rolling-24h'];

function sated(tenant: string, { used, total }: TenantUse, share: number): string {
  const part = `${used} of the ${total} it sent today (${Math.round((100 * used) / total)}%)`;
  return `tenant ${tenant} has had ${part}, its part is ${share * 100}% while others wait: they come first`;
}

/** How mail of a stop that was lifted goes: some of it at any time, which nobody here can see. */
function slowly({ scope, target, until }: Easing): string {
  const pace = `${DEFAULTS.easePace * 100}% of the lane's even pace until ${stamp(until, 'UTC')} UTC`;
  return `mail of ${scope} ${target} comes back slowly, at ${pace}: a stop on it was lifted`;
}

/** An upstream has neither grant nor stage: only holds stop it, those of whoever has the mailbox too. */
function ofUpstream(mail: QueuedMail, pool: string, warmOpen: boolean, { holds, now }: Surroundings) {
  const provider = mail.mailboxProvider ?? mail.provider ?? '';
  const [held] = holdsOnLane(holds, { address: '', provider, pool, cold: false }, now);
  if (held !== undefined) return { why: holdText(held), change: liftText(held) };
  const waits = pool !== mail.pool && warmOpen;
  return { why: waits ? `overflow, while no warm lane of ${mail.pool} may send` : null, change: null };
}

interface Unfit {
  readonly why: string;
  readonly change: string | null;
}

function notThisLane(mail: QueuedMail, facts: LaneFacts, own: readonly LaneFacts[]): Unfit | null {
  const { lane, cold } = facts;
  if (mail.address !== null && mail.address !== lane.address)
    return { why: `it belongs to ${mail.address} since its last attempt`, change: null };
  if (mail.pinned) return null;
  if (lane.pool !== mail.pool && cold)
    return { why: `a cold lane of pool ${lane.pool}: overflow goes by warm ones only`, change: null };
  const traits: MailTraits = mail;
  if (!cold) {
    const waits =
      lane.overflow === 'wait' &&
      own.some((one) => one.cold && maySend(one.lane.phase) && mayCarry(one.lane.segment, traits) === null);
    if (!waits || mail.freed || mail.address !== null) return null;
    const change = `pools.${mail.pool}.overflow in the configuration, or ./rampart mta reroute --pool ${mail.pool} --to POOL --reason '…'`;
    return { why: `pool ${mail.pool} has overflow 'wait': a cold lane of it is to carry this`, change };
  }
  // A lane that was warm and idle takes what it always took, where no other lane is warm.
  const wasWarm = lane.phase === 'warm' || lane.phase === 'cooling';
  if (wasWarm && !own.some((one) => !one.cold && one !== facts)) return null;
  const why = mayCarry(lane.segment, traits);
  if (why === null) return null;
  // What its stage admits grows with it; what cold lanes never carry needs a warm one.
  const stage = mayCarry(null, traits) === null;
  const change = stage ? `./rampart warmup advance ${lane.address} --provider ${lane.provider} --reason '…'` : null;
  return { why, change };
}
