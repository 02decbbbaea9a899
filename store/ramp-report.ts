/**
 * What a ramp did, from start to end (or until now): how long, its stages, its mail by provider and outcome, every retreat
 * with its reason, and where its probes landed. Read from the rows themselves, so that it can be made again while they are
 * kept; the one that was stored when the ramp ended (activities/ramp-ended.ts) stays when they are gone.
 */
import type { Phase } from '../policy/lane.ts';
import type { Plan } from '../policy/plan.ts';
import type { Queryable } from './connect.ts';
import { lanesOf, type RampRow } from './lanes.ts';

/** Recipients by how their mail ended, by the address that sent it. */
export interface MailOutcomes {
  readonly delivered: number;
  readonly hard: number;
  readonly soft: number;
  readonly blocked: number;
  readonly expired: number;
  /** Attempts that were put off, however they ended. */
  readonly deferrals: number;
  readonly complaints: number;
  readonly lateBounces: number;
}

export interface Retreat {
  readonly provider: string;
  readonly kind: string;
  readonly at: number;
  /** Stages from 1. */
  readonly from: number;
  readonly to: number;
  readonly actor: string;
  readonly reason: string;
}

export interface LaneReport {
  readonly provider: string;
  readonly phase: Phase;
  /** Stages from 1, of those the plan has. */
  readonly stage: number;
  readonly stages: number;
  readonly ceiling: number;
  readonly advances: number;
  readonly holds: number;
  /** Decisions a person took. */
  readonly manual: number;
  readonly mail: MailOutcomes;
  readonly placement: {
    readonly inbox: number;
    readonly spam: number;
    readonly missing: number;
    readonly unobserved: number;
  };
}

export interface RampReport {
  readonly ramp: string;
  readonly address: string;
  readonly pool: string;
  readonly plan: string;
  readonly startedAt: number;
  readonly startedBy: string;
  readonly endedAt: number | null;
  readonly outcome: 'complete' | 'aborted' | null;
  /** Plan days with a decision. */
  readonly days: number;
  readonly lanes: readonly LaneReport[];
  readonly retreats: readonly Retreat[];
}

const NO_MAIL: MailOutcomes = {
  ...{ delivered: 0, hard: 0, soft: 0, blocked: 0, expired: 0 },
  ...{ deferrals: 0, complaints: 0, lateBounces: 0 },
};
const NO_PROBES = { inbox: 0, spam: 0, missing: 0, unobserved: 0 };

/** The report of a ramp; `now` (ms) ends one that still runs. */
export async function rampReport(db: Queryable, ramp: RampRow, now: number): Promise<RampReport> {
  const { id, address, plan } = ramp;
  const span = [address, new Date(ramp.startedAt), new Date(ramp.endedAt ?? now)] as const;
  const decided = await decisionCounts(db, id);
  const mail = await mailOutcomes(db, span);
  const placement = await placements(db, span);
  const last = await lastDecided(db, id);
  const lanes = (await lanesOf(db, address))
    .filter((lane) => last.has(lane.provider))
    .map(({ provider, ...lane }): LaneReport => {
      const now = lane.rampId === id ? lane : { ...lane, ...last.get(provider) };
      return {
        provider,
        phase: now.phase,
        stage: now.stage + 1,
        stages: stagesOf(plan, provider),
        ceiling: now.ceiling,
        ...{ advances: 0, holds: 0, manual: 0, ...decided.get(provider) },
        mail: mail.get(provider) ?? NO_MAIL,
        placement: placement.get(provider) ?? NO_PROBES,
      };
    });
  const counted = await db.query('select count(distinct window_index)::int as days from decisions where ramp_id = $1', [
    id,
  ]);
  return {
    ramp: id,
    address,
    pool: ramp.pool,
    plan: plan.name,
    startedAt: ramp.startedAt,
    startedBy: ramp.startedBy,
    endedAt: ramp.endedAt,
    outcome: ramp.outcome,
    days: counted.rows[0].days,
    lanes,
    retreats: await retreats(db, id),
  };
}

/** The report that was stored when a ramp ended; undefined: it runs, or ended before reports were stored. */
export async function storedReport(db: Queryable, ramp: string): Promise<RampReport | undefined> {
  const { rows } = await db.query(
    `select body from notices where kind in ('ramp-complete', 'ramp-aborted') and body->>'ramp' = $1 order by id desc limit 1`,
    [ramp],
  );
  return rows[0]?.body;
}

/**
 * Of two reports about one ramp the one that knows of more mail: what was stored lacks complaints that came later, what is
 * read now lacks mail that is no longer kept.
 */
export function fullerReport(now: RampReport, stored: RampReport | undefined): RampReport {
  const ended = ({ lanes }: RampReport) =>
    lanes.reduce((sum, { mail }) => sum + mail.delivered + mail.hard + mail.soft + mail.blocked + mail.expired, 0);
  return stored !== undefined && ended(stored) > ended(now) ? stored : now;
}

function stagesOf(plan: Plan, provider: string): number {
  return (plan.rows[provider] ?? plan.rows.default)?.length ?? 0;
}

type Span = readonly [address: string, from: Date, to: Date];

async function byProvider<T>(db: Queryable, text: string, values: readonly unknown[]): Promise<Map<string, T>> {
  const { rows } = await db.query(text, [...values]);
  return new Map(rows.map(({ provider, ...rest }) => [provider, rest as T]));
}

function decisionCounts(db: Queryable, ramp: string) {
  return byProvider<Pick<LaneReport, 'advances' | 'holds' | 'manual'>>(
    db,
    `select provider, count(*) filter (where kind = 'advance')::int as advances,
       count(*) filter (where kind = 'hold')::int as holds, count(*) filter (where actor <> 'rampart')::int as manual
     from decisions where ramp_id = $1 group by provider`,
    [ramp],
  );
}

/** Where each lane stood after the ramp's last decision about it. */
function lastDecided(db: Queryable, ramp: string) {
  return byProvider<{ phase: Phase; stage: number; ceiling: number }>(
    db,
    `select distinct on (provider) provider, to_phase as phase, to_stage as stage, to_ceiling as ceiling
     from decisions where ramp_id = $1 order by provider, id desc`,
    [ramp],
  );
}

/** Probes are counted apart: they are no mail of anybody's. */
function mailOutcomes(db: Queryable, span: Span) {
  return byProvider<MailOutcomes>(
    db,
    `select a.provider,
       count(*) filter (where a.severity = 'delivered')::int as delivered,
       count(*) filter (where a.final and a.severity = 'hard')::int as hard,
       count(*) filter (where a.final and a.severity = 'soft')::int as soft,
       count(*) filter (where a.final and a.severity = 'blocked')::int as blocked,
       count(*) filter (where a.severity = 'expired')::int as expired,
       count(*) filter (where a.severity = 'deferred')::int as deferrals,
       count(c.recipient) filter (where a.severity = 'delivered')::int as complaints,
       count(b.recipient) filter (where a.severity = 'delivered')::int as "lateBounces"
     from attempts a left join complaints c on c.recipient = a.recipient
       left join late_bounces b on b.recipient = a.recipient
     where a.address = $1 and a.at between $2 and $3 and not a.probe group by 1`,
    span,
  );
}

function placements(db: Queryable, span: Span) {
  return byProvider<LaneReport['placement']>(
    db,
    `select provider, count(*) filter (where placement in ('inbox', 'tab'))::int as inbox,
       count(*) filter (where placement = 'spam')::int as spam,
       count(*) filter (where placement = 'missing')::int as missing,
       count(*) filter (where placement = 'unobserved')::int as unobserved
     from probes where address = $1 and sent_at between $2 and $3 group by 1`,
    span,
  );
}

async function retreats(db: Queryable, ramp: string): Promise<Retreat[]> {
  const { rows } = await db.query(
    `select provider, kind, extract(epoch from at)::float8 * 1000 as at, from_stage + 1 as "from", to_stage + 1 as "to",
       actor, reason
     from decisions where ramp_id = $1 and kind in ('step-back', 'quarantine', 'abort') order by id`,
    [ramp],
  );
  return rows;
}
