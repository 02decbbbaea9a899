/**
 * Gates as a configuration sets them: for every plan, shipped ones too, for a pool, and for a provider in either. What a plan
 * says itself goes before what is configured, a pool's before what holds for all, a provider's before all providers'.
 * They become a part of the plan when it is drawn up, so a running ramp keeps the gates it began with.
 */
import type { Plan } from '../plans/model.ts';
import { type GateOptions, overlaidOptions } from './settings.ts';

export interface ConfiguredGates extends GateOptions {
  readonly pools?: Readonly<Record<string, GateOptions | undefined>> | undefined;
}

/** The gates of a pool's lanes; undefined: the shipped ones. Without a pool: those of all. */
export function gatesOfPool(configured: ConfiguredGates | undefined, pool?: string): GateOptions | undefined {
  if (configured === undefined) return undefined;
  const { pools, ...all } = configured;
  const own = pool !== undefined && Object.hasOwn(pools ?? {}, pool) ? pools?.[pool] : undefined;
  return overlaidOptions(all, own);
}

/** The plan with the gates its lanes will have in a pool. */
export function withGates(plan: Plan, configured: ConfiguredGates | undefined, pool?: string): Plan {
  const { gates: own, ...rest } = plan;
  const gates = overlaidOptions(gatesOfPool(configured, pool), own);
  return gates === undefined ? rest : { ...rest, gates };
}
