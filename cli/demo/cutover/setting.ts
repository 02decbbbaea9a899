/**
 * The cast of the demo's migration: two pools of one sender, each with an address of ours that it moves to, and the Postfix
 * both of them come from.
 */
import { randomBytes } from 'node:crypto';
import type { Scenario } from '../../../lab/scenario.ts';
import type { WorldFacts } from '../../../lab/world.ts';
import { CUTOVER_PLAN, type CutoverPlan } from '../../../policy/cutover/plan.ts';
import { DEFAULTS } from '../../../policy/defaults.ts';
import type { InstanceSpec } from '../../roles/spec.ts';
import { demoMta, type SenderPorts } from '../sender.ts';

export const LEGACY = { ip: '127.10.0.10', name: 'old-1.sender.example' };
/** The pool that stands for Postfix. */
export const UPSTREAM_POOL = 'postfix';

export interface MovedPool {
  readonly name: string;
  readonly address: { readonly ip: string; readonly name: string };
  /** Another pool has other readers. */
  readonly seed: number;
  readonly from: string;
}

/** In the order they move. The second one meets a provider that does not know its address. */
export const MOVED: readonly [MovedPool, MovedPool] = [
  {
    name: 'newsletter',
    address: { ip: '127.10.0.31', name: 'mta-1.sender.example' },
    seed: 11,
    from: 'news@shop.example',
  },
  {
    name: 'offers',
    address: { ip: '127.10.0.32', name: 'mta-2.sender.example' },
    seed: 12,
    from: 'offers@deals.example',
  },
];

/** The trouble of the second pool: these providers defer what is new to them, from this share on, for so many days. */
export const TROUBLE = { pool: MOVED[1].name, providers: ['microsoft-consumer', 'yahoo'], share: 40, days: 3 };

export const USER = { name: 'app', password: randomBytes(12).toString('hex'), pools: MOVED.map(({ name }) => name) };
export const DAY_MS = 2_500;
export const MIGRATION = 'off-postfix';

/**
 * Six weeks of steps in two minutes: some hundred messages a day must be enough, so a pass asks for differences that so few
 * can show. A pool that really moves has a hundred times as many and keeps the figures of policy/cutover/plan.ts.
 */
export const PLAN: CutoverPlan = {
  ...CUTOVER_PLAN,
  steps: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
  transactionalSteps: [],
  minHours: 6,
  lagHours: 0,
  coolDownHours: 12,
  watchDays: 1,
  baseline: { hours: 24, messages: 200 },
  floor: { perDay: 5, mostShare: 0.05 },
  worst: { deferral: 0.1, block: 0.1, 'hard-bounce': 0.1, complaint: 0.1 },
  onFail: { ...CUTOVER_PLAN.onFail, deferral: 'rollback' },
};

export interface Ports extends SenderPorts {
  readonly legacy: number;
}

/** The scenario as one pool's application plays it. */
export function ownScenario(scenario: Scenario, pool: MovedPool): Scenario {
  return {
    ...scenario,
    seed: scenario.seed + pool.seed,
    traffic: { ...scenario.traffic, from: pool.from, tenant: pool.name },
  };
}

export function migrationSpec(
  scenario: Scenario,
  world: WorldFacts,
  ports: Ports,
  legacyLog: string,
  dataDir: string,
  epoch: number,
): InstanceSpec {
  const { messagesPerDay } = scenario.traffic;
  const providers = scenario.providers.map(({ key }) => key);
  const moved = MOVED.map(({ name, address: { ip, name: ehloName } }) => ({
    name,
    overflow: 'wait' as const,
    addresses: [{ ip, ehloName, standing: 'warm' as const, normal: { default: messagesPerDay } }],
  }));
  return {
    dataDir,
    node: 'local',
    calendar: { kind: 'compressed', epoch, dayLength: DAY_MS },
    pools: [
      ...moved,
      { name: UPSTREAM_POOL, overflow: 'wait', addresses: [], upstream: [`127.0.0.1:${ports.legacy}`] },
    ],
    providers,
    mtaProcesses: 2,
    mta: {
      ...demoMta(world, ports, USER, []),
      upstreams: [
        {
          pool: UPSTREAM_POOL,
          hosts: [{ host: '127.0.0.1', port: ports.legacy }],
          tls: 'none',
          connections: 20,
          messagesPerConnection: 100,
        },
      ],
      // Days are seconds: the shipped number of connections, some of them kept for transactional mail, would be a bottleneck.
      shaping: { providers: { 'microsoft-consumer': { connections: 20, connectionsPerMinute: 600 } } },
    },
    legacy: {
      feeds: [
        {
          name: 'postfix',
          format: 'postfix',
          files: [legacyLog],
          timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        },
      ],
    },
    seeds: world.seeds.map((seed) => ({ ...seed, secure: false })),
    placement: DEFAULTS.placement,
    events: { keepDays: 1, sinks: [] },
    complaintFeeds: [],
  };
}
