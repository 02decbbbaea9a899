/** A plan's gates as lines of text: what each does at a provider, and which figures are not the shipped ones. */
import { GATED, type Gates, gatesOf } from '../../policy/gates/settings.ts';
import type { Plan } from '../../policy/plan.ts';
import { table } from '../terminal/table.ts';

const percent = (rate: number) => `${Number((rate * 100).toPrecision(3))}%`;

/** A line a metric for the lanes of `provider` (`default`: of those without gates of their own); `*` marks what was set. */
export function describeGates(plan: Plan, provider = 'default'): string[] {
  const gates = gatesOf(plan.gates, provider);
  const shipped = gatesOf(undefined);
  const marked = (of: (gates: Gates) => string) => (of(gates) === of(shipped) ? of(gates) : `${of(gates)} *`);
  const rows = GATED.map((metric) => [
    metric,
    marked((one) => actionText(one.metrics[metric])),
    metric === 'placement' ? '' : marked((one) => percent(one.levels[metric].fine)),
    metric === 'placement' ? '' : marked((one) => percent(one.levels[metric].harmful)),
    metric === 'placement' ? '' : marked((one) => `${one.levels[metric].lane} and ${one.levels[metric].address}`),
    marked((one) => `${one.metrics[metric].lookbackDays} ${one.metrics[metric].lookbackDays === 1 ? 'day' : 'days'}`),
    metric === 'placement' ? '' : marked((one) => `${one.levels[metric].lagHours} h`),
    metric === 'placement' || metric === 'complaint' ? marked((one) => `${one.metrics[metric].budgetHours} h`) : '',
  ]);
  const others = Object.keys(plan.gates?.providers ?? {}).filter((key) => key !== provider);
  return [
    `gates${provider === 'default' ? '' : ` at ${provider}`}: ${marked((one) => `${one.consecutiveGood} good ${one.consecutiveGood === 1 ? 'evaluation' : 'evaluations in a row'} to advance`)}`,
    ...table(
      ['metric', 'does', 'fine', 'harmful', 'stops at (lane, address)', 'looks back', 'lag', 'may be silent'],
      rows,
    ),
    ...(plan.gates === undefined ? [] : ['* set by your configuration or plan']),
    ...others.map((key) => `${key} has gates of its own: --provider ${key}`),
  ];
}

function actionText({ action, steps, dryRun }: Gates['metrics'][(typeof GATED)[number]]): string {
  const does = action === 'step-back' ? `step-back ${steps}` : action;
  return dryRun ? `${does}, dry run` : does;
}
