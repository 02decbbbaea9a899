/** What is wrong with plans that people wrote themselves: shape, rows, and growth over the cap. Pure. */
import { drawOwn, growthProblems, growthText, type OwnPlan, ownProblems, PRESETS } from '../../policy/plan.ts';
import type { Problem } from './problems.ts';

/** A line a problem; growth over the cap is told for the lanes of these `providers` (default: all there are). */
export function planProblems(plans: Readonly<Record<string, OwnPlan>>, providers?: readonly string[]): Problem[] {
  return Object.entries(plans).flatMap(([name, own]) => {
    const path = ['plans', name];
    if (PRESETS.some((preset) => preset.name === name)) {
      return [{ path, says: 'a shipped plan has this name: choose another' }];
    }
    const wrong = ownProblems(name, own);
    if (wrong.length > 0) return wrong.map((says) => ({ path, says }));
    return growthProblems(drawOwn(name, own), providers).map((row) => ({
      path,
      says: `${growthText(row)}: add stages, set capped: true (they are put in)${row.unseen ? '' : ', or raise maxGrowth'}`,
    }));
  });
}
