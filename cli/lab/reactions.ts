/** What Rampart did about a lane, in the order it did it: decisions of its own that lower or hold, and holds it placed. Pure. */
import { laneTarget, netblockOf } from '../../policy/holds.ts';
import type { DecisionRow } from '../../store/decisions.ts';
import type { HoldFact } from '../demo/facts.ts';

export interface Reaction {
  readonly provider: string;
  /** ms since 1970. */
  readonly at: number;
  /** A decision's kind, or `held` and the hold's scope. */
  readonly kind: string;
  /** How far it goes: a step back, quarantine or pause; a stop of the lane that a look lifts; less than the lane. */
  readonly strength: 'retreat' | 'stop' | 'part';
  readonly reason: string;
  /** Of `part`: the campaign or the domain. */
  readonly target?: string;
}

const RETREATS = ['step-back', 'quarantine', 'pause'];

export interface Deeds {
  readonly address: string;
  readonly providers: readonly string[];
  readonly decisions: readonly DecisionRow[];
  readonly holds: readonly HoldFact[];
}

/** An operator's are not reactions: nobody operates a lab run. */
export function reactionsOf(deeds: Deeds): Reaction[] {
  return [...decided(deeds), ...held(deeds)].toSorted((a, b) => a.at - b.at);
}

function decided({ address, decisions }: Deeds): Reaction[] {
  return decisions
    .filter((one) => one.address === address && one.actor !== 'operator')
    .flatMap(({ provider, at, kind, reason, evidence }): Reaction[] => {
      if (RETREATS.includes(kind)) return [{ provider, at, kind, reason, strength: 'retreat' }];
      // A hold for want of data is no answer to anything.
      const failed = Array.isArray(evidence) && evidence.some((one) => one?.verdict === 'fail');
      return kind === 'hold' && failed ? [{ provider, at, kind, reason, strength: 'stop' }] : [];
    });
}

function held({ address, providers, holds }: Deeds): Reaction[] {
  return holds
    .filter((one) => one.cause !== 'operator')
    .flatMap(({ scope, target, since: at, reason }) => {
      const on = (places: readonly string[], strength: Reaction['strength']) =>
        places.map((provider) => ({ provider, at, kind: `held ${scope}`, strength, reason, target }));
      switch (scope) {
        case 'lane':
          return on(
            providers.filter((provider) => target === laneTarget(address, provider)),
            'stop',
          );
        case 'address':
          return target === address ? on(providers, 'stop') : [];
        case 'netblock':
          return target === netblockOf(address) ? on(providers, 'stop') : [];
        case 'provider':
          return on(
            providers.filter((provider) => target === provider),
            'stop',
          );
        case 'campaign':
        case 'domain':
        case 'stream':
          return on(providers, 'part');
        default:
          return [];
      }
    });
}
