/** Starts the ramp of one address, through its workflow, and says what it will be. */

import { lengthenedRows, stageCount, stageOf } from '../../policy/plan.ts';
import { summaryText } from '../../policy/preflight/check.ts';
import type { Store } from '../../store/connect.ts';
import { lanesOf } from '../../store/lanes.ts';
import type { By } from '../../temporal/contracts.ts';
import { type Answer, badInput, CliError, type Invocation, text } from '../command.ts';
import type { RunningInstance } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { keepPreflight, runPreflight, thisNode } from '../preflight/run.ts';
import { tellWorkflow } from '../temporal-command.ts';
import { table } from '../terminal/table.ts';
import { drawFor } from './draw.ts';
import { startProblems } from './refusals.ts';
import { failures } from './render-preflight.ts';

const LIMIT_MS = 15_000;

export async function startOne(
  invocation: Invocation,
  store: Store,
  instance: RunningInstance,
  name: string,
  order: By,
): Promise<Answer> {
  const ip = invocation.positionals[0] ?? '';
  const row = await knownAddress(store, ip);
  const pool = text(invocation, 'pool');
  if (pool !== undefined && pool !== row.pool) throw badInput(`${ip} is of pool ${row.pool}, not ${pool}`);
  const lanes = await lanesOf(store, ip);
  const drawn = await drawFor(
    invocation,
    name,
    [row],
    lanes.map((lane) => lane.provider),
  );
  const problems = await startProblems(store, [row]);
  if (problems.length > 0) throw badInput(problems.join('\n'));
  const found = await runPreflight(invocation, store, row.pool, [row]);
  const failed = failures(found);
  if (failed.length > 0) throw badInput([`${ip} is not ready to start`, ...failed].join('\n'));
  const ids = await keepPreflight(store, found, await thisNode(invocation), order.actor);
  const says = summaryText(found[0]?.checks);
  const told = await tellWorkflow(instance, LIMIT_MS, (temporal) =>
    temporal.startRamp(ip, {
      ...order,
      plan: name,
      drawn,
      fromZero: invocation.options['from-zero'] === true,
      preflight: { id: ids.get(ip) ?? 0, says },
    }),
  );
  if (told.outcome === 'refused') throw badInput(told.message);
  if (told.outcome === 'silent') {
    throw new CliError(
      'no-answer',
      `the ramp may not have started (${told.message}): see ./rampart warmup status ${ip}, and ./rampart doctor for what is not running`,
    );
  }
  const rows = lanes.map(({ provider }) => [
    provider,
    String(stageCount(drawn, provider)),
    String(stageOf(drawn, provider, 0)?.ceiling ?? 0),
    String(stageOf(drawn, provider, stageCount(drawn, provider) - 1)?.ceiling ?? 0),
  ]);
  return {
    json: { address: ip, ...told.result, plan: drawn, preflight: found[0]?.checks ?? [] },
    lines: [
      told.result.says,
      `preflight: ${says} (./rampart warmup preflight ${ip})`,
      '',
      ...table(['provider', 'days', 'first', 'last'], rows),
      ...lengthenedRows(drawn).map((note) => `note: ${note}`),
      '',
      `watch it: ./rampart warmup status ${ip} --watch`,
    ],
  };
}
