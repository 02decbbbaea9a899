/** Plays a script and holds what became of the mail against what was accepted. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { cutoverDecisions } from '../../store/cutovers.ts';
import { endsOf } from '../../store/front-ends.ts';
import { checkCutover, cutoverNow } from '../workflows/cutover-front.ts';
import { until } from '../workflows/system.ts';
import { type Account, accountOf } from './account.ts';
import { type Played, play } from './play.ts';
import { answerTo, CONNECTIONS, DOMAINS, FRONTS, type Front, type Script, sourceOf } from './setting.ts';

/** Transactions under way, at most, in one process: both engines' connections and those of its lanes. */
const UNDER_WAY = CONNECTIONS * (FRONTS.length + FRONTS.length * Object.keys(DOMAINS).length);

/** RAMPART_SEED plays the same order of kills again. */
export async function prove(context: TestContext, script: Script): Promise<void> {
  const seed = Number(process.env.RAMPART_SEED ?? Math.floor(Math.random() * 1e9));
  context.diagnostic(`RAMPART_SEED=${seed}`);
  try {
    await check(context, script, await play(context, script, seed));
  } catch (error) {
    throw new Error(`RAMPART_SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
}

async function check(context: TestContext, script: Script, played: Played): Promise<void> {
  const { store, killer, sink } = played;
  const doubts = await doubtsOf(played);
  const refused = sink.rcpts.map(({ rcpt }) => rcpt).filter((rcpt) => answerTo(rcpt, 1)?.startsWith('5'));
  for (const [n, front] of FRONTS.entries()) {
    const { injections, late } = played.mail[n] ?? { injections: [], late: new Set<string>() };
    const accepted = new Set(injections.flatMap((one) => [...one.accepted]));
    const unknown = new Set(injections.flatMap((one) => [...one.unknown]));
    const input = { front, accepted, unknown, late, refused: new Set(refused), doubts, taken: sink.taken };
    const account = accountOf(input);
    context.diagnostic(`${front.name}: ${JSON.stringify(account)}`);
    assert.deepEqual(account.problems, []);
    assert.ok(account.oldArm > 0 && account.newArm > 0, JSON.stringify(account));
    const answers = injections.flatMap(({ refusals }) => refusals).filter((reply) => !reply.startsWith('4'));
    assert.deepEqual(answers, [], 'a killed process costs no application its mail');
    assert.deepEqual(await checkCutover(store, front.name), []);
    await agree(played, front, account, accepted, unknown);
    await rolledBack(played, front, script);
  }
  const struck = Map.groupBy(killer.kills, ({ role }) => role);
  context.diagnostic(`kills: ${[...struck].map(([role, of]) => `${role} ${of.length}`).join(', ')}`);
  for (const role of ['mta-1', 'mta-2', 'worker-1', 'legacy-1'])
    assert.ok(struck.has(role), `${role} was never killed`);
  const [inDoubt, kills] = [
    [...doubts.values()].reduce((sum, one) => sum + one, 0),
    killer.kills.filter(({ role }) => role.startsWith('mta')).length,
  ];
  assert.ok(inDoubt <= kills * UNDER_WAY, `${inDoubt} in doubt after ${kills} kills`);
}

async function doubtsOf({ store }: Played): Promise<Map<string, number>> {
  const { rows } = await store.query(
    `select m.message_id as id, count(*)::int as n from attempts a join messages m on m.id = a.message
     where a.severity = 'in-doubt' group by 1`,
  );
  return new Map(rows.map(({ id, n }) => [id, n]));
}

/** Our own rows, and what the engine's log says, tell the same as the sink. */
async function agree(
  { store, sink }: Played,
  front: Front,
  account: Account,
  accepted: ReadonlySet<string>,
  unknown: ReadonlySet<string>,
): Promise<void> {
  const through = (address: string) =>
    new Set(
      sink.taken
        .filter(({ from, messageId }) => from === address && (accepted.has(messageId) || unknown.has(messageId)))
        .map(({ messageId }) => messageId),
    ).size;
  const theirs = [through(front.address.ip), through(front.engine.ip)];
  const ours = async () => {
    const { delivered, relayedDelivered } = await endsOf(store, front.name);
    return [delivered, relayedDelivered];
  };
  // A log is read a moment after it is written, and once more after its reader was killed.
  await until(`${front.name}: the rows say ${theirs} were delivered`, async () =>
    (await ours()).every((n, at) => n === theirs[at]),
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}; they say ${await ours()}`);
  });
  const { queued, expired } = await endsOf(store, front.name);
  assert.deepEqual([queued, expired], [0, 0]);
  assert.equal(account.oldArm, through(sourceOf(front, 'old')));
}

async function rolledBack({ store }: Played, front: Front, { rollBackAt }: Script): Promise<void> {
  const row = await cutoverNow(store, front.name);
  assert.equal(row.phase, 'done');
  const rollbacks = (await cutoverDecisions(store, row.id)).filter(({ event }) => event === 'rollback');
  assert.equal(rollbacks.length, rollBackAt === undefined ? 0 : 1);
}
