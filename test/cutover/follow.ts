/**
 * Follows both cutovers to their end: at each step one of our processes is killed, after a moment that chance decides; where
 * the script says so a person takes each back once, while a process is just dead, and lets it go on.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ladderOf, pointsOf } from '../../policy/cutover/ladder.ts';
import { type CutoverRow, cutoverDecisions } from '../../store/cutovers.ts';
import { rampart, smallConfig, writeConfig } from '../cli/command-line.ts';
import { cutoverNow } from '../workflows/cutover-front.ts';
import { by, until } from '../workflows/system.ts';
import type { Stage } from './play.ts';
import { FRONTS, type Script } from './setting.ts';

/** A kill comes so long after its step, at most, ms. */
const AFTER_MS = 700;

/** `accepted`: how many messages the front door has taken. */
export async function follow(stage: Stage, script: Script, accepted: () => number): Promise<void> {
  const { store, killer } = stage;
  const seen = new Map<string, string>();
  const back = new Set<string>();
  const soon = (ms: number) => performance.now() + ms;
  // Kills at steps, and the next one beside them.
  let due: number[] = [];
  let beside = soon(script.killEveryMs ?? Number.POSITIVE_INFINITY);
  for (const end = soon(script.patienceMs); ; ) {
    const rows = await Promise.all(FRONTS.map(({ name }) => cutoverNow(store, name)));
    for (const row of rows) {
      const step = `${row.phase} ${row.rung}`;
      if (seen.get(row.front) !== step) due.push(soon(AFTER_MS * killer.draw(row.front)));
      seen.set(row.front, step);
      if (script.rollBackAt !== undefined) await person(stage, row, script.rollBackAt, back);
    }
    // The last step has its kill as well.
    if (due.length === 0 && rows.every(({ endedAt }) => endedAt !== null)) break;
    const now = performance.now();
    if (now >= end)
      throw new Error(`not done after ${script.patienceMs} ms, ${accepted()} accepted: ${await history(stage)}`);
    if (rows.some(({ front, phase }) => phase === 'rolled-back' && !back.has(front)))
      throw new Error(`it was taken back, and nobody asked for it: ${await history(stage)}`);
    for (const _ of due.filter((at) => at <= now)) killer.strike();
    due = due.filter((at) => at > now);
    if (beside <= now) {
      killer.strike();
      beside = soon((script.killEveryMs ?? 0) * (0.5 + killer.draw('pause')));
    }
    await sleep(50);
  }
}

/** Every decision and its reason, and what is waited for now. */
async function history({ store }: Stage): Promise<string> {
  const lines: string[] = [];
  for (const { name } of FRONTS) {
    const { id, phase, rung, outlook } = await cutoverNow(store, name);
    for (const { event, toRung, reason } of await cutoverDecisions(store, id))
      lines.push(`${name} ${event} to ${toRung}: ${reason}`);
    lines.push(`${name} is ${phase} ${rung}: ${(outlook as { reason?: string } | null)?.reason ?? 'not looked at'}`);
  }
  return `\n${lines.join('\n')}`;
}

/** Takes a front back once it has come so far, and lets it go on. */
async function person(stage: Stage, row: CutoverRow, at: number, back: Set<string>): Promise<void> {
  const { killer, folder, temporal } = stage;
  const share = pointsOf(ladderOf(row.plan, row.scope), row.rung);
  if (row.phase === 'running' && share >= at && !back.has(row.front)) {
    back.add(row.front);
    killer.strike((name) => name.startsWith('mta'));
    const config = await writeConfig(folder, smallConfig());
    const order = ['cutover', 'rollback', row.front, '--reason', 'a test'];
    const told = await rampart(order, { RAMPART_CONFIG: config });
    assert.equal(told.code, 0, told.stderr);
  }
  // The worker may just be dead: whoever asks it asks again.
  if (row.phase === 'rolled-back')
    await until(`${row.front} goes on`, async () => {
      await temporal.cutover(row.front, { ...by(), verb: 'resume' }).catch(() => {});
      return (await cutoverNow(stage.store, row.front)).phase !== 'rolled-back';
    });
}
