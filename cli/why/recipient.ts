/**
 * Why one queued recipient has not gone out: the rule that binds it, and each lane that might carry it with what keeps it
 * from doing so. Pure; the order is that of the MTA.
 */

import { type MailTraits, mayCarry } from '../../policy/carry.ts';
import { type Hold, isLive } from '../../policy/holds.ts';
import { maySend } from '../../policy/lane.ts';
import type { QueuedMail } from '../../store/queued-mail.ts';
import { holdText } from '../status/hold-text.ts';
import type { LaneFacts } from '../status/lane-facts.ts';
import { span } from '../terminal/time.ts';

export interface LaneReason {
  /** `198.51.100.9 google`, or the upstream. */
  readonly lane: string;
  /** null: nothing; it takes the mail with its next unit. */
  readonly why: string | null;
}

export interface RecipientReason {
  readonly recipient: number;
  readonly rcpt: string;
  /** sending, expired, hold, route, due, address, pool, lanes, or none. */
  readonly rule: string;
  readonly says: string;
  readonly lanes: readonly LaneReason[];
}

export interface Surroundings {
  readonly holds: readonly Hold[];
  readonly now: number;
  /** Lanes that carry this mail's provider: of its pool, then warm ones of the pool it overflows to. */
  readonly lanes: readonly LaneFacts[];
  /** Hosts of the upstream that takes the pool's mail, or of the one it overflows to. */
  readonly upstream: { readonly pool: string; readonly hosts: readonly string[] } | null;
}

export function whyRecipient(mail: QueuedMail, around: Surroundings): RecipientReason {
  const { id: recipient, rcpt } = mail;
  const say = (rule: string, says: string, lanes: readonly LaneReason[] = []) => ({
    recipient,
    rcpt,
    rule,
    says,
    lanes,
  });
  const { now } = around;
  if (mail.claim !== null) return say('sending', `in hand: being sent by ${mail.claim}`);
  if (mail.expires <= now) return say('expired', 'its time is over: it ends with the next look of an MTA process');
  const held = mailHold(mail, around.holds, now);
  if (held !== undefined) return say('hold', holdText(held));
  if (mail.provider === null)
    return say(
      'route',
      `the provider of ${mail.domain} is not known yet${mail.reason === null ? '' : `: ${mail.reason}`}`,
    );
  const lanes = laneReasons(mail, around);
  if (mail.due > now) {
    const last = mail.reason === null ? '' : `; last: ${mail.reason}`;
    return say('due', `waits ${span(mail.due - now)} for its next attempt (${mail.attempts} made)${last}`, lanes);
  }
  if (lanes.length === 0) return say('pool', `pool ${mail.pool} has no lane for ${mail.provider}`);
  const able = lanes.filter(({ why }) => why === null);
  if (able.length > 0) return say('none', `nothing: ${able.map(({ lane }) => lane).join(' or ')} takes it`, lanes);
  const only =
    lanes.length === 1 ? `${lanes[0]?.lane}: ${lanes[0]?.why}` : `none of ${lanes.length} lanes takes it now`;
  return say('lanes', only, lanes);
}

/** A hold on the mail itself that stops it on every lane. */
function mailHold(mail: QueuedMail, holds: readonly Hold[], now: number): Hold | undefined {
  return holds.find((hold) => isLive(hold, now) && hold.reach === 'all' && names(mail, hold));
}

function names(mail: QueuedMail, { scope, target }: Hold): boolean {
  if (scope === 'campaign' || scope === 'tenant' || scope === 'domain' || scope === 'stream')
    return mail[scope] === target;
  return false;
}

function laneReasons(mail: QueuedMail, { lanes, upstream, holds, now }: Surroundings): LaneReason[] {
  const own = lanes.filter(({ lane }) => lane.pool === mail.pool);
  const warmOpen = own.some((one) => !one.cold && one.binds.rule === 'none');
  const reasons = lanes.map((facts): LaneReason => {
    const { lane, cold, binds } = facts;
    const name = `${lane.address} ${lane.provider}`;
    const guest = lane.pool !== mail.pool;
    const why =
      notThisLane(mail, facts, own) ??
      (cold ? mailText(holds.find((hold) => isLive(hold, now) && names(mail, hold))) : null) ??
      (guest && warmOpen ? `of pool ${lane.pool}: overflow, while no warm lane of ${mail.pool} may send` : null) ??
      (binds.rule === 'none' ? null : binds.says);
    return { lane: name, why };
  });
  if (upstream === null) return reasons;
  const guest = upstream.pool !== mail.pool;
  const why = guest && warmOpen ? `overflow, while no warm lane of ${mail.pool} may send` : null;
  return [...reasons, { lane: `upstream ${upstream.pool} (${upstream.hosts.join(', then ')})`, why }];
}

function notThisLane(mail: QueuedMail, { lane, cold }: LaneFacts, own: readonly LaneFacts[]): string | null {
  if (mail.address !== null && mail.address !== lane.address)
    return `it belongs to ${mail.address} since its last attempt`;
  if (mail.pinned) return null;
  if (lane.pool !== mail.pool && cold) return `a cold lane of pool ${lane.pool}: overflow goes by warm ones only`;
  const traits: MailTraits = mail;
  if (!cold) {
    const waits =
      lane.overflow === 'wait' &&
      own.some((one) => one.cold && maySend(one.lane.phase) && mayCarry(one.lane.segment, traits) === null);
    return waits && !mail.freed ? `pool ${mail.pool} has overflow 'wait': a cold lane of it is to carry this` : null;
  }
  return mayCarry(lane.segment, traits);
}

function mailText(hold: Hold | undefined): string | null {
  return hold === undefined ? null : holdText(hold);
}
