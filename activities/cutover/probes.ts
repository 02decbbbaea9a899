/**
 * The same mail through both arms to the same seeds: once before anything moves, to compare the messages themselves, and at
 * every rung, to compare where they land. A copy is bound to its arm's pool; no cutover gives it to the other.
 */
import { randomUUID } from 'node:crypto';
import { planMs } from '../../policy/calendar.ts';
import { type Difference, differencesOf, NOT_COMPARED } from '../../policy/cutover/differences.ts';
import type { Arm } from '../../policy/cutover/split.ts';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { fetchMessage } from '../../seeds/fetch.ts';
import { observe, type SeedAccount } from '../../seeds/mailbox.ts';
import { composeProbe } from '../../seeds/probe.ts';
import { type Queryable, tx } from '../../store/connect.ts';
import { type CutoverProbe, cutoverProbes, insertCutoverProbe, placeCutoverProbe } from '../../store/cutover-probes.ts';
import { applyCutover, type CutoverRow, cutoverOf } from '../../store/cutovers.ts';
import { StaleRevision } from '../../store/decisions.ts';
import { recentMessage, spool } from '../../store/spool.ts';
import type { ActivityDeps } from '../deps.ts';

const HOUR = 3_600_000;
/** A probe is missing so long (plan ms) after its arm took it. */
const HORIZON_MS = 4 * HOUR;
/** One that no arm took in this time (plan ms) is given up. */
const GIVE_UP_MS = 12 * HOUR;

/** Is there anything to send, or to look for? */
export async function probesWanted(
  deps: ActivityDeps,
  db: Queryable,
  row: CutoverRow,
  reachedAt: number | null,
): Promise<boolean> {
  const probes = await cutoverProbes(db, row.id, row.evidenceSince);
  if (row.rung < 0 && row.phase === 'preparing' && row.differences === null) return true;
  if (deps.seeds.length === 0) return false;
  if (probes.some((probe) => probe.placement === null)) return true;
  return row.rung >= 0 && reachedAt !== null && !probes.some((probe) => probe.rung === row.rung);
}

/** Sends what is wanted and reads what came. Beside the evaluations: a slow mailbox must not delay a decision. */
export async function probeCutover(
  deps: ActivityDeps,
  input: { readonly front: string },
): Promise<{ readonly sent: number }> {
  const row = await cutoverOf(deps.store, input.front);
  if (row === undefined || row.endedAt !== null) return { sent: 0 };
  const open = (await cutoverProbes(deps.store, row.id, row.evidenceSince)).filter((probe) => probe.placement === null);
  await settleOpen(deps, row, open);
  const probes = await cutoverProbes(deps.store, row.id, row.evidenceSince);
  const comparing = row.rung < 0 && row.differences === null;
  if (comparing) await compare(deps, row, probes);
  if (probes.some((probe) => probe.rung === row.rung)) return { sent: 0 };
  if (!comparing && row.rung < 0) return { sent: 0 };
  return {
    sent: await sendPairs(
      deps,
      row,
      comparing ? deps.seeds.slice(0, 1) : deps.seeds.slice(0, 2 * deps.placement.seeds),
    ),
  };
}

async function sendPairs(deps: ActivityDeps, row: CutoverRow, seeds: readonly SeedAccount[]): Promise<number> {
  const live = await recentMessage(deps.store, row.front);
  if (live === undefined) return 0;
  let sent = 0;
  for (const seed of seeds) {
    const pair = randomUUID();
    await tx(deps.store, async (db) => {
      for (const arm of ['old', 'new'] as const) await sendOne(deps, db, { row, live, seed, pair, arm });
    });
    sent += 2;
  }
  return sent;
}

interface One {
  readonly row: CutoverRow;
  readonly live: { readonly raw: Buffer; readonly mailFrom: string; readonly tenant: string };
  readonly seed: SeedAccount;
  readonly pair: string;
  readonly arm: Arm;
}

async function sendOne(deps: ActivityDeps, db: Queryable, { row, live, seed, pair, arm }: One): Promise<void> {
  const at = deps.now();
  const { raw, messageId } = composeProbe(live.raw, {
    to: seed.address,
    messageId: `<${randomUUID()}@${domainOf(live.mailFrom)}>`,
    date: new Date(at),
  });
  const [spooled] = await spool(db, [
    {
      ...{ raw, messageId, mailFrom: live.mailFrom, tenant: live.tenant, stays: true },
      pool: arm === 'old' ? row.oldArm : row.newArm,
      ...{ stream: 'marketing', segment: 'engaged-30d', campaign: 'probe' },
      expires: at + planMs(GIVE_UP_MS, row.calendar),
      recipients: [{ rcpt: seed.address, domain: domainOf(seed.address), provider: null }],
    },
  ]);
  const recipient = spooled?.recipients[0];
  if (recipient === undefined) throw new Error('the spool returned no row for a probe');
  const { rung, id } = row;
  await insertCutoverProbe(db, {
    messageId,
    cutover: id,
    rung,
    arm,
    seed: seed.address,
    provider: seed.provider,
    pair,
    recipient,
    at,
  });
}

/** Looks for probes that are open. A mailbox that can not be read leaves them unobserved, never missing. */
async function settleOpen(deps: ActivityDeps, row: CutoverRow, open: readonly CutoverProbe[]): Promise<void> {
  const late = (since: number, ms: number) => deps.now() - since > planMs(ms, row.calendar);
  for (const [address, probes] of Map.groupBy(open, (probe) => probe.seed)) {
    const account = deps.seeds.find((seed) => seed.address === address);
    const accepted = probes.filter((probe) => probe.acceptedAt !== null);
    for (const probe of probes) {
      if (probe.acceptedAt !== null && account !== undefined) continue;
      const over = probe.refused || account === undefined || late(probe.sentAt, GIVE_UP_MS);
      if (over) await place(deps, probe, 'unobserved', 'no arm took it, or the seed is no longer configured', null);
    }
    if (account === undefined || accepted.length === 0) continue;
    const seen = await observe(
      account,
      accepted.map((probe) => probe.messageId),
      { timeoutMs: 10_000 },
    );
    for (const probe of accepted) {
      const found = seen[probe.messageId];
      if (found === undefined || (found.placement === 'missing' && !late(probe.acceptedAt ?? 0, HORIZON_MS))) continue;
      const arrived = found.placement !== 'missing' && found.placement !== 'unobserved';
      const raw =
        probe.rung < 0 && arrived
          ? await fetchMessage(account, probe.messageId, { timeoutMs: 10_000 }).catch(() => null)
          : null;
      await place(deps, probe, found.placement, found.folder ?? found.reason ?? null, raw);
    }
  }
}

function place(
  deps: ActivityDeps,
  probe: CutoverProbe,
  placement: string,
  detail: string | null,
  raw: Buffer | null,
): Promise<void> {
  return placeCutoverProbe(deps.store, probe.messageId, { placement, detail, raw });
}

/** Writes the differences of the two messages when both are there, or that nobody can compare them. */
async function compare(deps: ActivityDeps, row: CutoverRow, probes: readonly CutoverProbe[]): Promise<void> {
  const of = (arm: Arm) => probes.findLast((probe) => probe.rung < 0 && probe.arm === arm);
  const [old, ours] = [of('old'), of('new')];
  const differences: readonly Difference[] | null =
    deps.seeds.length === 0
      ? [NOT_COMPARED]
      : old?.raw && ours?.raw
        ? differencesOf(old.raw, ours.raw)
        : old?.placement != null && ours?.placement != null
          ? [NOT_COMPARED]
          : null;
  if (differences === null) return;
  try {
    await tx(deps.store, (db) =>
      applyCutover(db, {
        row,
        operationId: `compare/${row.id}`,
        at: deps.now(),
        policyVersion: POLICY_VERSION,
        decision: null,
        differences,
      }),
    );
  } catch (error) {
    // Somebody decided meanwhile: the next look compares again.
    if (!(error instanceof StaleRevision)) throw error;
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
