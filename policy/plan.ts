/** Plans, for everybody outside policy/plans: what they are, the shipped ones, and how fast they may grow. */

export { curve } from './plans/curve.ts';
export { type Forecast, forecast } from './plans/feasibility.ts';
export { fourWeek, sixWeek } from './plans/geometric.ts';
export { capGrowth, growthProblems, growthText } from './plans/growth.ts';
export * from './plans/model.ts';
export { drawOwn, type OwnPlan, ownProblems } from './plans/own.ts';
export type { Preset } from './plans/preset.ts';
export { PRESETS, planNamed } from './plans/presets.ts';
export { type Standing, splicePlan } from './plans/splice.ts';
