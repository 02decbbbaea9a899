/** The demo's cast: one cold and one warm address of a pool, the plan they follow, and the instance that runs them. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Scenario } from '../../lab/scenario.ts';
import type { WorldFacts } from '../../lab/world.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import type { InstanceSpec } from '../roles/spec.ts';
import { demoMta, type SenderPorts } from './sender.ts';

export const POOL = 'marketing';
export const WARM = { ip: '127.10.0.10', name: 'mta-1.sender.example' };
export const COLD = { ip: '127.10.0.11', name: 'mta-2.sender.example' };
export const USER = { name: 'app', password: randomBytes(12).toString('hex'), pools: [POOL] };
export const FEEDBACK = 'fbl@feedback.sender.example';

/** Where the shipped worlds are. */
export const WORLDS = path.join(import.meta.dirname, '../../lab/scenarios');

export interface Script {
  /** Days the ramp is planned to take. */
  readonly days: number;
  /** Real ms of a day. */
  readonly dayLength: number;
  /** First day's ceiling, messages a day. */
  readonly start: number;
  /** Windows after which a ramp that is not done has failed. */
  readonly limit: number;
  /** Seeds are asked every n-th day; default 3. */
  readonly probeEvery?: number;
}

/** The long form is what people see; the short one is the test's. */
export const SCRIPTS: Readonly<Record<number, Script & { readonly scenario: string }>> = {
  42: { days: 42, scenario: 'six-weeks.json', dayLength: 2_700, start: 6, limit: 57 },
  10: { days: 10, scenario: 'ten-days.json', dayLength: 3_000, start: 12, limit: 30 },
};

/** Half of the pool's volume at each provider: what the cold address will carry when it is warm. */
export function targets(scenario: Scenario): Record<string, number> {
  const { messagesPerDay, weights } = scenario.traffic;
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const half = Object.entries(weights).map(
    ([key, weight]) => [key, Math.round((messagesPerDay * weight) / total / 2)] as const,
  );
  return { ...Object.fromEntries(half), default: Math.min(...half.map(([, target]) => target)) };
}

export function demoSpec(
  script: Script,
  scenario: Scenario,
  world: WorldFacts,
  ports: SenderPorts,
  dataDir: string,
  epoch: number,
): InstanceSpec {
  const address = ({ ip, name }: typeof WARM, standing: 'cold' | 'warm') => ({
    ip,
    ehloName: name,
    standing,
    normal: Object.fromEntries(Object.entries(targets(scenario)).map(([key, half]) => [key, half * 4])),
  });
  return {
    dataDir,
    node: 'local',
    calendar: { kind: 'compressed', epoch, dayLength: script.dayLength },
    pools: [{ name: POOL, overflow: 'warm-peers', addresses: [address(WARM, 'warm'), address(COLD, 'cold')] }],
    providers: scenario.providers.map((provider) => provider.key),
    mtaProcesses: 2,
    mta: { ...demoMta(world, ports, USER, [FEEDBACK]), shaping: {} },
    seeds: world.seeds.map((seed) => ({ ...seed, secure: false })),
    // The demo's lanes send tens of messages a day where a real one sends thousands: probes start sooner.
    placement: { ...DEFAULTS.placement, minCeiling: 20, share: 0.1, everyWindows: script.probeEvery ?? 3, seeds: 3 },
    events: { keepDays: 1, sinks: [] },
    ...(scenario.blocklists.length === 0
      ? {}
      : {
          dnsbls: { lists: scenario.blocklists.map(({ zone }) => ({ zone, listed: 'fail' as const })), unseen: true },
        }),
    complaintFeeds: scenario.providers.filter((provider) => provider.fbl).map((provider) => provider.key),
  };
}
