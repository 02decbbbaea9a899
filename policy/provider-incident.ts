/**
 * A provider's own bad hour: most warm lanes of unrelated pools meet infrastructure answers (451, 421, time-outs) at one
 * provider at the same time. That is nobody's reputation: no lane is to blame, and no day of a ramp is spent on it.
 */
import { DEFAULTS } from './defaults.ts';

/** What a warm lane met at its provider lately. */
export interface WarmLaneTrouble {
  readonly pool: string;
  readonly address: string;
  readonly provider: string;
  /** Messages tried, and those of them that met an infrastructure answer. */
  readonly attempts: number;
  readonly failed: number;
}

export interface ProviderIncident {
  readonly provider: string;
  readonly lanes: number;
  readonly failing: number;
  readonly says: string;
}

/**
 * Providers that fail for most warm lanes. Lanes that tried too little say nothing. With one pool only there are no
 * unrelated ones: two addresses must agree then.
 */
export function providerIncidents(lanes: readonly WarmLaneTrouble[]): ProviderIncident[] {
  const { attempts: least, share, lanes: most } = DEFAULTS.providerIncident;
  const providers = new Set(lanes.map((lane) => lane.provider));
  return [...providers].flatMap((provider) => {
    const heard = lanes.filter((lane) => lane.provider === provider && lane.attempts >= least);
    const failing = heard.filter((lane) => lane.failed >= share * lane.attempts);
    const count = (of: 'pool' | 'address', among: readonly WarmLaneTrouble[]) =>
      new Set(among.map((one) => one[of])).size;
    const agree = count('pool', heard) > 1 ? count('pool', failing) : count('address', failing);
    if (agree < 2 || failing.length <= most * heard.length) return [];
    const says = `${failing.length} of ${heard.length} warm lanes met infrastructure answers at ${provider} within ${DEFAULTS.providerIncident.withinMs / 60_000} min: the provider's fault, no lane's`;
    return [{ provider, lanes: heard.length, failing: failing.length, says }];
  });
}
