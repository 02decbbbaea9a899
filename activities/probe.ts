/**
 * Probes: reads where earlier ones landed, and sends this window's through the lanes under test. Each goes to the same seed
 * from a warm address of the pool as well: where only ours lands in junk, it is the address and not the mail.
 */
import { randomUUID } from 'node:crypto';
import { planMs, windowOf } from '../policy/calendar.ts';
import { holdsOnLane } from '../policy/holds.ts';
import { isIdle } from '../policy/idle.ts';
import { isCold, maySend } from '../policy/lane.ts';
import { observe, type SeedAccount } from '../seeds/mailbox.ts';
import { chooseSeeds, composeProbe, probeBudget, probingBudget } from '../seeds/probe.ts';
import { type Queryable, tx } from '../store/connect.ts';
import { grantsAround } from '../store/grants.ts';
import { liveHolds } from '../store/holds.ts';
import { allLanes, type LaneRow, lanesOf } from '../store/lanes.ts';
import {
  addressesWithOpenProbes,
  insertProbe,
  openProbes,
  type ProbeRow,
  probesInWindow,
  seedsProbed,
  setPlacement,
} from '../store/probes.ts';
import { recentMessage, spool } from '../store/spool.ts';
import type { ActivityDeps } from './deps.ts';

const HOUR = 3_600_000;
/** A probe counts as missing this long after its delivery (plan time), when every folder could be searched. */
const HORIZON_MS = 4 * HOUR;

export async function probe(deps: ActivityDeps, input: { address: string; window: number }): Promise<{ sent: number }> {
  const tested = (await lanesOf(deps.store, input.address)).filter((lane) => isCold(lane.phase) && maySend(lane.phase));
  const partners = await partnersOf(deps, tested);
  await observeOpen(deps, [input.address, ...[...partners.values()].map((partner) => partner.address)]);
  let sent = 0;
  for (const lane of tested) sent += await sendProbes(deps, lane, partners.get(lane.provider), input.window);
  return { sent };
}

/** For each lane a warm one of its pool at its provider that sends: the first by address, so that all pair with the same. */
async function partnersOf(deps: ActivityDeps, lanes: readonly LaneRow[]): Promise<ReadonlyMap<string, LaneRow>> {
  const [all, holds, now] = [await allLanes(deps.store), await liveHolds(deps.store), deps.now()];
  const warm = all.filter(
    (lane) =>
      lane.phase === 'warm' &&
      !isIdle((now - (lane.lastSentAt ?? lane.phaseSince)) / planMs(1, lane.calendar)) &&
      holdsOnLane(holds, { ...lane, cold: false }, now).length === 0,
  );
  return new Map(
    lanes.flatMap((lane) => {
      const partner = warm.find((one) => one.pool === lane.pool && one.provider === lane.provider);
      return partner === undefined ? [] : [[lane.provider, partner] as const];
    }),
  );
}

async function sendProbes(
  deps: ActivityDeps,
  lane: LaneRow,
  partner: LaneRow | undefined,
  window: number,
): Promise<number> {
  const { placement, store } = deps;
  const { address, provider } = lane;
  if (windowOf(deps.now(), lane.calendar).index !== window) return 0;
  const grant = (await grantsAround(store, address, provider, window, 0))[0];
  const granted = grant?.units ?? 0;
  const budget =
    lane.phase === 'probing' ? probingBudget(granted, placement) : probeBudget(granted, lane.ceiling, placement);
  const already = await probesInWindow(store, address, provider, window);
  const seeds = chooseSeeds(deps.seeds, provider, budget - already, window);
  const live = seeds.length === 0 ? undefined : await recentMessage(store, lane.pool);
  if (live === undefined) return 0;
  const asked = partner === undefined ? [] : await seedsProbed(store, partner.address, provider, window);
  let pairs = partner === undefined ? 0 : probeBudget(partner.ceiling, partner.ceiling, placement) - asked.length;
  for (const seed of seeds) {
    const paired = pairs > 0 && !asked.includes(seed.address);
    if (paired) pairs -= 1;
    // Both or none: a repeated run finds this one sent, and asks for no pair any more.
    await tx(store, async (db) => {
      await sendProbe(deps, db, lane, seed, window, live);
      if (paired && partner !== undefined) await sendProbe(deps, db, partner, seed, window, live);
    });
  }
  return seeds.length;
}

async function sendProbe(
  deps: ActivityDeps,
  db: Queryable,
  lane: LaneRow,
  seed: SeedAccount,
  window: number,
  live: { readonly raw: Buffer; readonly mailFrom: string; readonly tenant: string },
): Promise<void> {
  const { address, provider, pool } = lane;
  const { raw, messageId } = composeProbe(live.raw, {
    to: seed.address,
    messageId: `<${randomUUID()}@${domainOf(live.mailFrom)}>`,
    date: new Date(deps.now()),
  });
  const [spooled] = await spool(db, [
    {
      ...{ raw, messageId, mailFrom: live.mailFrom, pool, tenant: live.tenant },
      stream: 'marketing',
      segment: 'engaged-30d',
      campaign: 'probe',
      expires: deps.now() + planMs(12 * HOUR, lane.calendar),
      pin: { address, provider },
      recipients: [{ rcpt: seed.address, domain: domainOf(seed.address), provider }],
    },
  ]);
  const recipient = spooled?.recipients[0];
  if (recipient === undefined) throw new Error('the spool returned no row for a probe');
  await insertProbe(db, { address, provider, window, seed: seed.address, messageId, recipient });
}

/** Addresses whose probes nobody has found yet: looked for again between two runs, or a collapse is a day older when it is seen. */
export async function lookAgain(deps: ActivityDeps): Promise<void> {
  if (deps.seeds.length === 0) return;
  for (const address of await addressesWithOpenProbes(deps.store)) await observeOpen(deps, [address]);
}

/** One login a seed for all its probes. A mailbox that can not be read leaves them unobserved, never "missing". */
async function observeOpen(deps: ActivityDeps, addresses: readonly string[]): Promise<void> {
  const open: ProbeRow[] = [];
  for (const address of new Set(addresses)) open.push(...(await openProbes(deps.store, address)));
  const calendar = (await lanesOf(deps.store, addresses[0] ?? ''))[0]?.calendar;
  if (calendar === undefined || open.length === 0) return;
  const horizon = planMs(HORIZON_MS, calendar);
  const bySeed = Map.groupBy(open, (row) => row.seed);
  await Promise.all(
    [...bySeed].map(async ([seed, rows]) => {
      const account = deps.seeds.find((one) => one.address === seed);
      await settle(deps, account, rows, horizon);
    }),
  );
}

async function settle(
  deps: ActivityDeps,
  account: SeedAccount | undefined,
  rows: readonly ProbeRow[],
  horizon: number,
): Promise<void> {
  for (const row of rows.filter((one) => one.finished && one.acceptedAt === null)) {
    await setPlacement(deps.store, row.id, 'unobserved', 'the provider did not accept the probe');
  }
  const accepted = rows.filter((row) => row.acceptedAt !== null);
  if (accepted.length === 0) return;
  if (account === undefined) {
    for (const row of accepted)
      await setPlacement(deps.store, row.id, 'unobserved', 'the seed is no longer configured');
    return;
  }
  const seen = await observe(
    account,
    accepted.map((row) => row.messageId),
    { timeoutMs: 10_000 },
  );
  for (const row of accepted) {
    const observation = seen[row.messageId];
    if (observation === undefined) continue;
    const young = deps.now() - (row.acceptedAt ?? 0) < horizon;
    if (observation.placement === 'missing' && young) continue;
    await setPlacement(deps.store, row.id, observation.placement, observation.folder ?? observation.reason ?? null);
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
