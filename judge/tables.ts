/** The figures of a judgement as Markdown, for docs/judgement-tables.md, and its targets as lines. */
import type { Judgement } from './judgement.ts';
import { STEPS } from './ladder.ts';

const percent = (value: number) => `${(100 * value).toFixed(value < 0.1 ? 2 : 1)}%`;
const mail = (value: number) => Math.round(value).toLocaleString('en');
const ratio = (value: number) => value.toFixed(2);

/** One line a target: value, limit, and whether it is met. */
export function targetLines({ targets }: Judgement): string[] {
  return Object.entries(targets).map(
    ([name, { value, limit }]) =>
      `${name.padEnd(18)} ${value.toFixed(4).padStart(8)}  limit ${limit}  ${value <= limit ? 'met' : 'MISSED'}`,
  );
}

/** The whole page. */
export function tables(judgement: Judgement): string {
  const { setUp } = judgement;
  return `${[
    '# Judgement: the tables',
    '',
    'Written by `make judge`; what they mean stands in [judgement.md](judgement.md).',
    '',
    `${mail(setUp.runs)} ramps a cell of one address with ${setUp.lanes} lanes: plan ${setUp.plan} to ${mail(setUp.target)} a day in ${setUp.days} days,`,
    `${setUp.campaignsPerDay} campaigns a day, complaints with a time constant of ${setUp.complaintDelayHours} hours. cv: how much campaigns differ. These`,
    'are models, not mailbox providers: good for choosing between rules, not for promising rates.',
    '',
    `Plain thresholds are tuned on ${mail(setUp.tuning)} healthy ramps to stop as many of them as the shipped gates do, or one in 500. Tuned on too`,
    'few they stop more than that on the ramps they are judged on (second table), and look faster than they may be.',
    '',
    ...section('Targets', targetRows(judgement)),
    ...section('Healthy ramps', healthyRows(judgement)),
    ...section('Harmful mail until the stop, campaigns differ as usual (cv 0.5)', harmRows(judgement)),
    ...section('Hours until the stop (cv 0.5)', hourRows(judgement)),
    ...section('The same with wild campaigns (cv 1.0), calmer heights', wildRows(judgement)),
    ...section('What a height costs: share of healthy ramps stopped', curveRows(judgement)),
    ...section('The settings plain thresholds were tuned to', settingRows(judgement)),
    ...section('Cutovers: equal arms blamed, and passes', ladderRows(judgement)),
    ...section('Cutovers: an arm three times worse from the 40% step on', worseRows(judgement)),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [
    `## ${title}`,
    '',
    line(head),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...body.map(line),
    '',
  ];
}

function targetRows({ targets }: Judgement): string[][] {
  return [
    ['target', 'value', 'limit', ''],
    ...Object.entries(targets).map(([name, { value, limit }]) => [
      `\`${name}\``,
      String(Number(value.toPrecision(3))),
      String(limit),
      value <= limit ? 'met' : 'missed',
    ]),
  ];
}

function healthyRows({ gates, gatesWild, thresholds, named }: Judgement): string[][] {
  const row = (
    name: string,
    cv: number,
    falseStops: number,
    back: number,
    length: { median: number; p95: number } | null,
  ) => [
    name,
    cv.toFixed(1),
    percent(falseStops),
    percent(back),
    length === null ? '42' : String(length.median),
    length === null ? '42' : String(length.p95),
  ];
  return [
    [
      'rule',
      'cv',
      'healthy ramps with any intervention',
      'stepped back',
      'days, median',
      'days, p95 of the slowest lane',
    ],
    ...gates.map((one) => row('shipped gates', one.cv, one.falseStops, one.falseStepBacks, one.length)),
    row(
      'shipped gates, calmer heights',
      gatesWild.cv,
      gatesWild.falseStops,
      gatesWild.falseStepBacks,
      gatesWild.length,
    ),
    ...thresholds.flatMap((one) => [
      row('best threshold per lane', one.cv, one.falseStops.single, one.falseStops.single, null),
      row('best thresholds per lane and pooled', one.cv, one.falseStops.pair, one.falseStops.pair, null),
    ]),
    ...named.map((one) => row(`${one.rule}-like`, one.cv, one.falseStops, one.falseStepBacks, one.length)),
  ];
}

function usual({ gates, thresholds }: Judgement) {
  const ours = gates.find((one) => one.cv === 0.5)?.harms ?? [];
  return { ours, theirs: thresholds[0]?.cells ?? [] };
}

function harmRows(judgement: Judgement): string[][] {
  const { ours, theirs } = usual(judgement);
  return [
    [...AGAINST, 'owlat-like', 'braze-like'],
    ...theirs.map((cell, index) => {
      const like = (rule: string) => mail(judgement.named.find((one) => one.rule === rule)?.harms[index]?.mail ?? 0);
      return [...against(cell, ours[index]?.mail ?? 0), like('owlat'), like('braze')];
    }),
  ];
}

const AGAINST = ['world', 'from day', 'shipped', 'per lane', 'lane + pooled', 'of per lane', 'of the pair', 'oracle'];

/** One world: harmful mail of the shipped gates (`mine`) beside the rivals'. */
function against(cell: Judgement['thresholds'][number]['cells'][number], mine: number): string[] {
  return [
    cell.name,
    String(cell.fromDay),
    mail(mine),
    mail(cell.single),
    mail(cell.pair),
    ratio(mine / cell.single),
    ratio(mine / cell.pair),
    mail(cell.oracle),
  ];
}

function hourRows(judgement: Judgement): string[][] {
  return [
    ['world', 'from day', 'mean hours', 'not within 14 days'],
    ...usual(judgement).ours.map((one) => [
      one.name,
      String(one.fromDay),
      one.hours === null ? 'never' : one.hours.toFixed(1),
      percent(one.missed),
    ]),
  ];
}

function wildRows({ gatesWild, thresholds }: Judgement): string[][] {
  return [
    AGAINST,
    ...(thresholds[1]?.cells ?? []).map((cell, index) => against(cell, gatesWild.harms[index]?.mail ?? 0)),
  ];
}

function curveRows({ calibration }: Judgement): string[][] {
  const columns = calibration.flatMap(({ cv, usual: of, wild }) => [
    { title: `cv ${cv}`, of },
    ...(wild === null ? [] : [{ title: `cv ${cv}, calmer shape`, of: wild }]),
  ]);
  return [
    ['lane / address', ...columns.map(({ title }) => title)],
    ...(columns[0]?.of ?? []).map(({ lane, address }, at) => [
      `${lane} / ${address}`,
      ...columns.map(({ of }) => percent(of[at]?.falseStops ?? 0)),
    ]),
  ];
}

function settingRows({ thresholds }: Judgement): string[][] {
  const text = (one: { window?: number; volume?: number; events?: number; threshold: number }) =>
    `${percent(one.threshold)} in ${one.window} h, ≥ ${one.volume} sent, ≥ ${one.events} events`;
  return [
    ['cv', 'metric', 'per lane', 'pair: lane', 'pair: pooled'],
    ...thresholds.flatMap(({ cv, settings }) =>
      settings.flatMap((one) =>
        one.metric !== 'delivery'
          ? [[cv.toFixed(1), one.metric, text(one.single), text(one.pair.lane), text(one.pair.pooled)]]
          : [],
      ),
    ),
  ];
}

function ladderRows({ cutover }: Judgement): string[][] {
  const shown = [0.02, 0.05, 0.1, 0.3, 0.5] as const;
  return [
    ['metric', 'cv', 'noise', 'equal arm blamed', ...shown.map((of) => `passed by the ${percentStep(of)} step`)],
    ...cutover
      .filter((one) => one.worse === null)
      .map((one) => [
        one.metric,
        one.cv.toFixed(1),
        percentStep(one.noise),
        percent(one.failed),
        ...shown.map((of) => percentStep(one.passedByStep[STEPS.indexOf(of)]?.passed ?? 0)),
      ]),
  ];
}

const percentStep = (value: number) => `${Math.round(100 * value)}%`;

function worseRows({ cutover }: Judgement): string[][] {
  return [
    ['metric', 'worse at', 'seen that day', 'by the next day', 'by the end'],
    ...cutover.flatMap((one) =>
      one.worse === null
        ? []
        : [
            [
              one.metric,
              one.worse.where === 'all' ? 'all providers' : `one of five (${one.worse.where})`,
              percentStep(one.failedSameDay ?? 0),
              percentStep(one.failedNextDay ?? 0),
              percentStep(one.failed),
            ],
          ],
    ),
  ];
}
