/** Binds activities to what they need; a refusal of bad input becomes a failure nobody retries. */
import { ApplicationFailure, Context } from '@temporalio/activity';
import { askGate } from './cutover/ask.ts';
import { evaluateCutover } from './cutover/evaluate.ts';
import { migrate } from './cutover/migrate.ts';
import { orderCutover } from './cutover/orders.ts';
import { probeCutover } from './cutover/probes.ts';
import { type ActivityDeps, BadInput } from './deps.ts';
import { evaluate } from './evaluate.ts';
import { probe } from './probe.ts';
import { pauseLanes, resumeLanes, startRamp } from './ramps.ts';
import { startDue } from './ranges.ts';
import { setPlan } from './set-plan.ts';
import type { Activities } from './types.ts';
import { applyVerb } from './verbs/apply-verb.ts';
import { watch } from './watch.ts';

/** Under a fifth of the shortest heartbeat time-out. */
const BEAT_MS = 800;

export function createActivities(deps: ActivityDeps): Activities {
  const bound =
    <Input, Result>(run: (deps: ActivityDeps, input: Input) => Promise<Result>) =>
    async (input: Input): Promise<Result> => {
      try {
        return await run(deps, input);
      } catch (error) {
        if (error instanceof BadInput) throw ApplicationFailure.nonRetryable(error.message, error.code);
        throw error;
      }
    };
  // A worker that died is noticed by its silence, long before a slow mailbox or a large pool takes too long.
  const beating = <Input, Result>(run: (deps: ActivityDeps, input: Input) => Promise<Result>) => {
    const work = bound(run);
    return async (input: Input): Promise<Result> => {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), BEAT_MS);
      try {
        return await work(input);
      } finally {
        clearInterval(beat);
      }
    };
  };
  return {
    evaluate: bound(evaluate),
    startRamp: bound(startRamp),
    setPlan: bound(setPlan),
    pauseLanes: bound(pauseLanes),
    resumeLanes: bound(resumeLanes),
    applyVerb: bound(applyVerb),
    probe: bound(probe),
    startDue: bound((given, input: { readonly range: string }) => {
      const context = Context.current();
      return startDue(given, input, () => context.heartbeat());
    }),
    evaluateCutover: beating(evaluateCutover),
    orderCutover: beating(orderCutover),
    probeCutover: beating(probeCutover),
    askGate: beating(askGate),
    migrate: beating(migrate),
    watch: () => {
      const context = Context.current();
      return watch(deps, () => context.heartbeat(), context.cancellationSignal);
    },
  };
}
