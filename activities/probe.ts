/** Probes: reads where earlier ones landed, and sends this window's through the lanes under test. */
import { randomUUID } from 'node:crypto';
import { planMs, windowOf } from '../policy/calendar.ts';
import { isCold, maySend } from '../policy/lane.ts';
import { observe, type SeedAccount } from '../seeds/mailbox.ts';
import { chooseSeeds, composeProbe, probeBudget } from '../seeds/probe.ts';
import { tx } from '../store/connect.ts';
import { grantsAround } from '../store/grants.ts';
import { type LaneRow, lanesOf } from '../store/lanes.ts';
import { insertProbe, openProbes, type ProbeRow, probesInWindow, setPlacement } from '../store/probes.ts';
import { recentMessage, spool } from '../store/spool.ts';
import type { ActivityDeps } from './deps.ts';

const HOUR = 3_600_000;
/** A probe counts as missing this long after its delivery (plan time), when every folder could be searched. */
const HORIZON_MS = 4 * HOUR;

export async function probe(deps: ActivityDeps, input: { address: string; window: number }): Promise<{ sent: number }> {
  await observeOpen(deps, input.address);
  let sent = 0;
  for (const lane of await lanesOf(deps.store, input.address)) {
    if (isCold(lane.phase) && maySend(lane.phase)) sent += await sendProbes(deps, lane, input.window);
  }
  return { sent };
}

async function sendProbes(deps: ActivityDeps, lane: LaneRow, window: number): Promise<number> {
  const { placement, store } = deps;
  if (windowOf(deps.now(), lane.calendar).index !== window) return 0;
  const grant = (await grantsAround(store, lane.address, lane.provider, window, 0))[0];
  const budget = probeBudget(grant?.units ?? 0, lane.ceiling, placement);
  const already = await probesInWindow(store, lane.address, lane.provider, window);
  const seeds = chooseSeeds(deps.seeds, lane.provider, budget - already, window);
  const live = seeds.length === 0 ? undefined : await recentMessage(store, lane.pool);
  if (live === undefined) return 0;
  for (const seed of seeds) {
    const { raw, messageId } = composeProbe(live.raw, {
      to: seed.address,
      messageId: `<${randomUUID()}@${domainOf(live.mailFrom)}>`,
      date: new Date(deps.now()),
    });
    await tx(store, async (db) => {
      const [spooled] = await spool(db, [
        {
          raw,
          messageId,
          mailFrom: live.mailFrom,
          pool: lane.pool,
          tenant: live.tenant,
          stream: 'marketing',
          segment: 'engaged-30d',
          campaign: 'probe',
          expires: deps.now() + planMs(12 * HOUR, lane.calendar),
          pin: { address: lane.address, provider: lane.provider },
          recipients: [{ rcpt: seed.address, domain: domainOf(seed.address), provider: lane.provider }],
        },
      ]);
      const recipient = spooled?.recipients[0];
      if (recipient === undefined) throw new Error('the spool returned no row for a probe');
      const { address, provider } = lane;
      await insertProbe(db, { address, provider, window, seed: seed.address, messageId, recipient });
    });
  }
  return seeds.length;
}

/** One login a seed for all its probes. A mailbox that can not be read leaves them unobserved, never "missing". */
async function observeOpen(deps: ActivityDeps, address: string): Promise<void> {
  const open = await openProbes(deps.store, address);
  const calendar = (await lanesOf(deps.store, address))[0]?.calendar;
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
