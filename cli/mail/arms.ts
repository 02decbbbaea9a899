/** Which arm each recipient of a message took, and why: for `why` and `mta message`. Reads PostgreSQL only. */
import { windowOf } from '../../policy/calendar.ts';
import { type ArmReason, type ArmsThen, explainArm } from '../../policy/cutover/explain.ts';
import { ladderOf, rungText } from '../../policy/cutover/ladder.ts';
import type { Queryable } from '../../store/connect.ts';
import { sharesOf } from '../../store/cutover-shares.ts';
import { cutoverById } from '../../store/cutovers.ts';
import { type MessageArm, messageArms, rungThen } from '../../store/message-arms.ts';
import { readSplit, splitChanges } from '../../store/splits.ts';

export interface ToldArm extends Omit<MessageArm, 'waiting' | 'at'>, ArmReason {}

/** Empty where the message's pool was never divided. */
export async function armsOf(db: Queryable, message: number, now: number): Promise<ToldArm[]> {
  const found = await messageArms(db, message);
  return Promise.all(found.map((one) => told(db, one, now)));
}

/** `arm of marketing: new (marketing): its bucket 3.1% is below …` */
export function armLine({ front, arm, pool, says }: ToldArm): string {
  const which =
    arm === null ? (pool === null || pool === front ? 'none yet' : `neither (${pool})`) : `${arm} (${pool})`;
  return `arm of ${front}: ${which}: ${says}`;
}

async function told(db: Queryable, { waiting, at, ...one }: MessageArm, now: number): Promise<ToldArm> {
  const { arm, bucket, outside, provider, stream } = one;
  if (arm === null) return { ...one, ...noArm(one) };
  // Before its first attempt the line that counts is today's.
  const then = await linesThen(db, one, at ?? now);
  return { ...one, ...explainArm({ arm, bucket, outside, provider, stream, waiting }, then) };
}

function noArm({ bucket, outside }: Pick<MessageArm, 'bucket' | 'outside'>): ArmReason {
  if (outside === 'operator') return { rule: 'operator', says: 'a person chose its pool' };
  if (bucket !== null) return { rule: 'overflow', says: 'another pool carries it for want of room' };
  return { rule: 'unknown', says: 'its provider decides, and is not known yet' };
}

/** What was in force at an instant; null: it is no longer kept. */
async function linesThen(db: Queryable, one: Omit<MessageArm, 'waiting' | 'at'>, at: number): Promise<ArmsThen | null> {
  const { front, stream, provider } = one;
  const split = await readSplit(db, front);
  const [lines] = await splitChanges(db, front, at);
  if (split === undefined || lines === undefined || lines.at > at) return null;
  const stood = await rungThen(db, front, at);
  const row = stood === undefined ? undefined : await cutoverById(db, stood.cutover);
  const shares = row === undefined ? [] : await sharesOf(db, row.id, windowOf(at, row.calendar).index);
  const share = shares.find((other) => other.stream === stream && other.provider === provider);
  return {
    thresholds: lines.thresholds,
    step: lines.step,
    floor: lines.floor,
    scope: row?.scope ?? split.scope,
    rung: row === undefined || stood === undefined ? null : rungText(ladderOf(row.plan, row.scope), stood.rung),
    binds: share?.binds ?? null,
  };
}
