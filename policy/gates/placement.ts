/**
 * Seeds are a tripwire: ten of them can not estimate a rate. By themselves they hold a lane at most, for one of two reasons;
 * both together step it back, because the second is a signal of its own.
 *
 * *Collapse*: more than half of the probes seen were outside the inbox, over the week or in the last run of probes (a week
 * of good ones must not hide that everything goes to junk since yesterday). *Worse than the warm address's*: the same seeds
 * were probed from a warm address in the same window; with `b` pairs in which only ours was outside the inbox and `c` in
 * which only theirs was, b ln 1.6 + c ln 0.4 >= 3 (a sequential sign test on the discordant pairs; Wald 1947, chapter 6).
 */
export interface PlacementSeen {
  /** Probes whose folder was seen, and those of them outside the inbox. */
  readonly trials: number;
  readonly events: number;
  /** The same of the last run: the newest windows that together saw `minObserved` folders. */
  readonly last?: { readonly trials: number; readonly events: number } | undefined;
  readonly pairs?: { readonly worse: number; readonly better: number } | undefined;
}

export interface PlacementRule {
  readonly minObserved: number;
  readonly collapse: number;
}

const PAIRED_STOP = 3;

/** Log likelihood ratio of the discordant pairs. */
export function pairedRatio({ worse, better }: { readonly worse: number; readonly better: number }): number {
  return worse * Math.log(1.6) + better * Math.log(0.4);
}

/** Do the seeds see a collapse that the warm address's mail does not share? Then it is this address, not the mail. */
export function collapsesBesideWarm(seen: PlacementSeen & { readonly feed: string }, rule: PlacementRule): boolean {
  const { feed, pairs } = seen;
  return feed === 'ok' && pairs !== undefined && pairedRatio(pairs) >= PAIRED_STOP && collapsed(seen, rule);
}

/** Over the week, unless the last run was clean: what is over holds nobody for a week. Or in the last run alone. */
function collapsed({ trials, events, last }: PlacementSeen, { minObserved, collapse }: PlacementRule): boolean {
  const over = (one: { readonly trials: number; readonly events: number }) =>
    one.trials >= minObserved && one.events / one.trials > collapse;
  const clean = last !== undefined && last.trials >= minObserved && last.events === 0;
  return (over({ trials, events }) && !clean) || (last !== undefined && over(last));
}

export function placementVerdict(
  seen: PlacementSeen,
  rule: PlacementRule,
): { readonly verdict: 'pass' | 'fail' | 'insufficient'; readonly needs: number | null; readonly says: string } {
  const { trials, events, pairs, last } = seen;
  const inbox = `${trials - events} of ${trials} probes in the inbox`;
  if (pairs !== undefined && pairedRatio(pairs) >= PAIRED_STOP) {
    const says = `${inbox}; ${pairs.worse} seeds were worse than from a warm address, ${pairs.better} better`;
    return { verdict: 'fail', needs: null, says };
  }
  if (trials < rule.minObserved) {
    const needs = rule.minObserved - trials;
    return { verdict: 'insufficient', needs, says: `placement needs ${needs} more probes` };
  }
  if (!collapsed(seen, rule)) return { verdict: 'pass', needs: null, says: inbox };
  const lately = last === undefined ? '' : `; of the last run ${last.trials - last.events} of ${last.trials}`;
  return { verdict: 'fail', needs: null, says: `${inbox}${lately}` };
}
