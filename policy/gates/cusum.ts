/**
 * When to stop: a robust CUSUM, one for each metric of a lane and one for each metric of an address.
 *
 * A ramp asks for weeks "has it changed?", from fifty messages a day on, about events that come in campaigns. A cohort is
 * one campaign on one send day (deferrals and blocks, and mail without a campaign: six hours of a lane), with `k` events
 * in `e` trials that have matured. Its rate varies from cohort to cohort by a gamma of shape `a`, so that the count is
 * negative-binomial, and its log likelihood ratio of harmful (p1) against fine (p0) is
 *
 *     l(k, e) = k ln(p1/p0) - (k + a) ln((a + p1 e) / (a + p0 e))
 *     W <- max(0, W + sum of the changes of l)        over the cohorts that changed
 *
 * and W at the level's height stops. (Page, "Continuous inspection schemes", Biometrika 41, 1954, for the CUSUM; the
 * ratio follows from the gamma-Poisson mixture, as in Hoehle & Paul, "Count data regression charts", CSDA 52, 2008.)
 *
 * Late metrics mature: of the trials that wait, 1 - exp(-dt / lag) become exposed in dt; events count at once. Nothing
 * matures while the feed is silent, or silence becomes a pass. Late events belong to the cohort of the day they were sent.
 *
 * The state is plain data, bounded (24 open cohorts, older ones merged into one; a week of send days, or as many as the level
 * looks back), and changed in place:
 * simulations step it hundreds of millions of times. Each step costs a bounded number of operations.
 */
import type { Level } from './levels.ts';

/** Trials sent together: `n` of them, of which `e` have matured, with `k` events. */
export interface Cohort {
  /** A campaign's number; 0: unknown. */
  campaign: number;
  /** Send day (window index). */
  day: number;
  /** Quarter of the day, 0 to 3; 0 for a campaign's cohort. */
  part: number;
  k: number;
  n: number;
  e: number;
  /** Its ratio as last counted, and what was counted in it. */
  l: number;
  counted: { k: number; e: number };
}

/** One of the send days that advancing looks at. */
export interface DayCount {
  day: number;
  k: number;
  n: number;
  e: number;
}

export interface Detector {
  /** The sum, never negative. */
  w: number;
  /** Open cohorts, oldest first. */
  cohorts: Cohort[];
  /** All older cohorts as one. */
  merged: Cohort;
  /** What campaigns added to `w` since it was last 0; campaign 0: unknown ones and the smallest. */
  since: { campaign: number; w: number }[];
  /** The last send days since the last retreat, oldest first. */
  days: DayCount[];
}

/**
 * New trials and events of one cohort; either may be 0, and below 0 where a later answer corrects what was counted. Late
 * events carry the day and campaign of their send.
 */
export interface Arrival {
  readonly campaign: number;
  readonly day: number;
  readonly part: number;
  readonly trials: number;
  readonly events: number;
  /** Of the trials: those that had matured before they were told of; absent: none. */
  readonly matured?: number;
}

export const OPEN_COHORTS = 24;
/** Campaigns told apart in `since`. */
const CONTRIBUTORS = 8;
/** Over this share of W from one campaign, the campaign is to blame and not the lane. */
export const BLAME_SHARE = 0.8;
/** Waiting trials below this count as matured: they would be carried for ever. */
const SPECK = 1e-3;

export function newDetector(): Detector {
  return { w: 0, cohorts: [], merged: cohort(0, 0, 0), since: [], days: [] };
}

/** Forgets all: after a retreat, evidence of sends before it no longer counts. Changes `d`. */
export function resetDetector(d: Detector): void {
  d.w = 0;
  d.cohorts.length = 0;
  d.merged = cohort(0, 0, 0);
  d.since.length = 0;
  d.days.length = 0;
}

/**
 * Takes a campaign out of the sum, the cohorts and the week: it is suspended, and what it did is its own. Cohorts that
 * are merged already stay. Changes `d`.
 */
export function forgetCampaign(d: Detector, campaign: number): void {
  if (campaign === 0) return;
  for (const one of d.cohorts) {
    if (one.campaign !== campaign) continue;
    const day = d.days.find((of) => of.day === one.day);
    if (day === undefined) continue;
    day.k = Math.max(0, day.k - one.k);
    day.n = Math.max(0, day.n - one.n);
    day.e = Math.max(0, Math.min(day.n, day.e - one.e));
  }
  d.cohorts = d.cohorts.filter((one) => one.campaign !== campaign);
  d.since = d.since.filter((one) => one.campaign !== campaign);
  d.w = Math.max(
    0,
    d.since.reduce((sum, one) => sum + one.w, 0),
  );
  if (d.w === 0) d.since = [];
}

/** The log likelihood ratio of a cohort with `k` events in `e` matured trials. */
export function likelihoodRatio(k: number, e: number, level: Level): number {
  const { fine, harmful, shape } = level;
  return k * Math.log(harmful / fine) - (k + shape) * Math.log((shape + harmful * e) / (shape + fine * e));
}

/** Which part of a day a send belongs to in this metric: campaigns are whole days, the rest are quarters. */
export function partOf(level: Level, campaign: number, shareOfDay: number): number {
  if (level.byCampaign && campaign !== 0) return 0;
  return Math.min(3, Math.max(0, Math.floor(shareOfDay * 4)));
}

/**
 * Takes what arrived and lets `hours` of plan time pass. `fresh`: the metric's feed speaks; a silent one matures nothing.
 * Changes `d`. A step with nothing new and no time passed changes nothing.
 */
export function advanceHours(
  d: Detector,
  level: Level,
  hours: number,
  arrivals: readonly Arrival[],
  fresh = true,
): void {
  for (const arrival of arrivals) arrive(d, arrival, level);
  const share = !fresh ? 0 : level.lagHours === 0 ? 1 : 1 - Math.exp(-Math.max(0, hours) / level.lagHours);
  for (const day of d.days) day.e = matured(day, share);
  let sum = 0;
  for (const one of d.cohorts) sum += settle(d, one, level, share);
  sum += settle(d, d.merged, level, share);
  d.w += sum;
  if (d.w <= 0) {
    d.w = 0;
    d.since.length = 0;
  }
  while (d.cohorts.length > OPEN_COHORTS) mergeOldest(d, level);
  foldContributors(d);
}

/** One hour of plan time: what simulations call. */
export function advanceHour(d: Detector, level: Level, arrivals: readonly Arrival[], fresh = true): void {
  advanceHours(d, level, 1, arrivals, fresh);
}

/** Events and matured trials of the last send days, and the trials whose reports may still come. */
export function windowOfDays(d: Detector): { readonly k: number; readonly e: number; readonly awaiting: number } {
  let [k, e, awaiting] = [0, 0, 0];
  for (const day of d.days) {
    k += day.k;
    e += day.e;
    awaiting += day.n - day.e;
  }
  return { k, e, awaiting };
}

/** The campaign that supplied over 80% of W since it was last 0, and its share; null where none did. */
export function blamedCampaign(d: Detector): { readonly campaign: number; readonly share: number } | null {
  if (d.w <= 0) return null;
  let most = { campaign: 0, w: 0 };
  for (const one of d.since) if (one.campaign !== 0 && one.w > most.w) most = one;
  const share = Math.min(1, most.w / d.w);
  return share > BLAME_SHARE ? { campaign: most.campaign, share } : null;
}

/**
 * Did one lane supply over 80% of what an address's lanes have added up, each by itself? Then what is wrong is wrong with
 * that lane; else several providers say the same, and what they have in common is the address.
 */
export function oneLaneSupplies(sums: readonly number[]): boolean {
  const all = sums.reduce((sum, one) => sum + one, 0);
  return Math.max(0, ...sums) > BLAME_SHARE * all;
}

/**
 * A campaign whose hard bounces give this ratio is paused, and never the lane. Fit for bounces only: a campaign's own
 * ratio over complaints is false in 3.7% of healthy ramps.
 */
export const CAMPAIGN_BREAKER = 8;

/** Poisson log likelihood ratio of a campaign's own events, harmful against fine. */
export function campaignRatio(k: number, e: number, level: Pick<Level, 'fine' | 'harmful'>): number {
  return k * Math.log(level.harmful / level.fine) - e * (level.harmful - level.fine);
}

function cohort(campaign: number, day: number, part: number): Cohort {
  return { campaign, day, part, k: 0, n: 0, e: 0, l: 0, counted: { k: 0, e: 0 } };
}

function arrive(d: Detector, arrival: Arrival, level: Level): void {
  const { campaign, day, part, trials, events } = arrival;
  const into = openCohort(d, campaign, day, part);
  const { matured = 0 } = arrival;
  into.k += events;
  into.n += trials;
  into.e += matured;
  const of = dayCount(d, day, level);
  if (of === undefined) return;
  of.k += events;
  of.n += trials;
  of.e += matured;
}

/** Finds or opens a cohort; one that is older than all that are open while there is no room counts as merged. */
function openCohort(d: Detector, campaign: number, day: number, part: number): Cohort {
  const { cohorts, merged } = d;
  let at = cohorts.length;
  while (at > 0) {
    const one = cohorts[at - 1] as Cohort;
    if (one.day === day && one.part === part && one.campaign === campaign) return one;
    if (one.day < day || (one.day === day && one.part < part)) break;
    at -= 1;
  }
  // Merged days stay merged: a late event must not open its cohort a second time.
  if (merged.n + merged.k > 0 && (day < merged.day || (day === merged.day && part <= merged.part))) return merged;
  const opened = cohort(campaign, day, part);
  cohorts.splice(at, 0, opened);
  return opened;
}

function dayCount(d: Detector, day: number, { lookbackDays }: Level): DayCount | undefined {
  const { days } = d;
  let at = days.length;
  while (at > 0 && (days[at - 1] as DayCount).day > day) at -= 1;
  const before = days[at - 1];
  if (before?.day === day) return before;
  if (at === 0 && days.length >= lookbackDays) return undefined;
  const opened: DayCount = { day, k: 0, n: 0, e: 0 };
  days.splice(at, 0, opened);
  if (days.length > lookbackDays) days.shift();
  return opened;
}

function matured({ n, e }: { readonly n: number; readonly e: number }, share: number): number {
  // n - (n - e) is not always e: rounding must not pass for news.
  if (share === 0) return e;
  const waiting = (n - e) * (1 - share);
  return waiting > SPECK ? n - waiting : n;
}

/** Brings a cohort up to date and returns what its ratio changed by. */
function settle(d: Detector, one: Cohort, level: Level, share: number): number {
  const { counted } = one;
  // Most cohorts have said all they will: this is the line a simulation spends its time on.
  if (one.e === one.n && one.e === counted.e && one.k === counted.k) return 0;
  const e = matured(one, share);
  if (e === counted.e && one.k === counted.k) return 0;
  one.e = e;
  counted.k = one.k;
  counted.e = e;
  const l = likelihoodRatio(one.k, one.e, level);
  const change = l - one.l;
  one.l = l;
  contribute(d, one === d.merged ? 0 : one.campaign, change);
  return change;
}

function contribute(d: Detector, campaign: number, w: number): void {
  for (const one of d.since) {
    if (one.campaign !== campaign) continue;
    one.w += w;
    return;
  }
  d.since.push({ campaign, w });
}

/** The sum is not changed by merging: what a cohort has said, it has said. */
function mergeOldest(d: Detector, level: Level): void {
  const oldest = d.cohorts.shift();
  if (oldest === undefined) return;
  const { merged } = d;
  merged.k += oldest.k;
  merged.n += oldest.n;
  merged.e += oldest.e;
  merged.day = oldest.day;
  merged.part = oldest.part;
  merged.counted = { k: merged.k, e: merged.e };
  merged.l = likelihoodRatio(merged.k, merged.e, level);
}

/** Those that say the least either way are told together. Sorted once: a simulation does this for most of its hours. */
function foldContributors(d: Detector): void {
  if (d.since.length <= CONTRIBUTORS) return;
  const named = d.since.filter((one) => one.campaign !== 0).sort((a, b) => Math.abs(b.w) - Math.abs(a.w));
  let unknown = d.since.find((one) => one.campaign === 0)?.w ?? 0;
  for (const one of named.slice(CONTRIBUTORS - 1)) unknown += one.w;
  d.since = [...named.slice(0, CONTRIBUTORS - 1), { campaign: 0, w: unknown }];
}
