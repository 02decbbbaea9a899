/**
 * The cast of a whole cutover with real engines: one front leaves an engine for its own address, another one leaves its own
 * address for an engine, both at once, and a small internet that takes the mail of all four. The short form in the suite
 * and the long one among the proofs differ in what stands in `Script`, and in nothing else.
 */
import { randomBytes } from 'node:crypto';
import type { InstanceSpec } from '../../cli/roles/spec.ts';
import { type Calendar, DAY_MS as PLAN_DAY_MS } from '../../policy/calendar.ts';
import { CUTOVER_PLAN, type CutoverPlan } from '../../policy/cutover/plan.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import type { Engine, EngineKind } from './engine.ts';

/** Real ms of a plan day. */
export const DAY_MS = 2_500;
/** Everything that is not ours is taken here. */
export const SINK = '127.46.1.1';
/** Recipients, by the MX that tells whose mailboxes they are. */
export const DOMAINS: Readonly<Record<string, string>> = {
  'yahoo.example': 'mta5.am0.yahoodns.net',
  'provider.example': 'mx.olc.protection.outlook.com',
};
/** Where engines send their bounces to. */
export const SENDER_DOMAIN = 'shop.example';
/** The account of test/mta/injectors.ts. */
export const USER = { name: 'shop', password: 'secret' };
/** Messages at once to each engine, and of each lane, over all processes. */
export const CONNECTIONS = 8;

export interface Script {
  readonly leaves: EngineKind;
  readonly joins: EngineKind;
  /** Shares, in points. */
  readonly steps: readonly number[];
  /** Kills beside those at the steps come so far apart, on average; absent: there are none. */
  readonly killEveryMs?: number;
  /** A person takes each front back once, when it is at this step. */
  readonly rollBackAt?: number;
  /** How long all of it may take on a machine that is busy, ms. */
  readonly patienceMs: number;
}

export interface Front {
  readonly name: string;
  readonly address: { readonly ip: string; readonly ehloName: string };
  /** Pools. */
  readonly oldArm: string;
  readonly newArm: string;
  /** The other end: the pool that stands for an engine, and where that sends from. */
  readonly engine: { readonly pool: string; readonly ip: string; readonly name: string };
}

/** It leaves an engine: its new arm is its own address. */
export const LEAVER: Front = {
  name: 'news',
  address: { ip: '127.46.0.31', ehloName: 'mta-1.sender.example' },
  oldArm: 'engine-before',
  newArm: 'news',
  engine: { pool: 'engine-before', ip: '127.46.0.10', name: 'old-1.sender.example' },
};
/** It goes to an engine: its old arm is its own address. */
export const JOINER: Front = {
  name: 'offers',
  address: { ip: '127.46.0.32', ehloName: 'mta-2.sender.example' },
  oldArm: 'offers',
  newArm: 'engine-after',
  engine: { pool: 'engine-after', ip: '127.46.0.11', name: 'next-1.sender.example' },
};
export const FRONTS = [LEAVER, JOINER] as const;

/** Addresses that the sink sees mail of this arm come from. */
export function sourceOf({ name, address, engine, ...pools }: Front, arm: 'old' | 'new'): string {
  return (arm === 'old' ? pools.oldArm : pools.newArm) === name ? address.ip : engine.ip;
}

/** Some ten messages a day are all there is: a pass asks for differences that so few can show. */
export function planOf({ steps }: Pick<Script, 'steps'>): CutoverPlan {
  return {
    ...CUTOVER_PLAN,
    ...{ steps, transactionalSteps: [], uncapped: true, minHours: 6, minCampaigns: 1, lagHours: 0, coolDownHours: 6 },
    ...{ watchDays: 1, baseline: { hours: 6, messages: 1_000_000 }, floor: { perDay: 2, mostShare: 0.05 } },
    worst: { deferral: 0.2, block: 0.2, 'hard-bounce': 0.2, complaint: 0.2 },
  };
}

/** What a provider answers: one recipient in sixty is unknown, one in twelve is put off the first time. Decided by its name. */
export function answerTo(rcpt: string, before: number): string | null {
  const [, digits] = /^r-([0-9a-f]{2})/.exec(rcpt) ?? [];
  const draw = Number.parseInt(digits ?? 'ff', 16);
  if (draw < 4) return '550 5.1.1 The email account that you tried to reach does not exist';
  if (draw < 24 && before === 0) return '451 4.7.1 Greylisted, please try again later';
  return null;
}

/** Of the message that was for this recipient (test/mta/injectors.ts: each has its own). */
export function messageIdOf(rcpt: string): string {
  return `<${rcpt.slice(2, 38)}@${SENDER_DOMAIN}>`;
}

/** Mail does not expire while a killed process is missed: three days are seven seconds here. */
export function headerOf({ name }: Front): string {
  const expires = new Date(Date.now() + PLAN_DAY_MS).toISOString();
  return `X-Rampart-Pool: ${name}\r\nX-Rampart-Expires: ${expires}\r\n`;
}

export interface Places {
  readonly dataDir: string;
  readonly submissionPort: number;
  readonly smtpPort: number;
  readonly dnsPort: number;
  /** In the order of FRONTS. */
  readonly engines: readonly Engine[];
}

export function instanceSpec({ dataDir, submissionPort, smtpPort, dnsPort, engines }: Places): InstanceSpec {
  const calendar: Calendar = { kind: 'compressed', epoch: Date.now(), dayLength: DAY_MS };
  const place = (n: number) => {
    const engine = engines[n];
    if (engine === undefined) throw new Error(`no engine for front ${n}`);
    return engine;
  };
  return {
    dataDir,
    node: 'local',
    calendar,
    pools: FRONTS.flatMap(({ name, address, engine }, n) => [
      {
        ...{ name, overflow: 'wait' as const },
        addresses: [{ ...address, standing: 'warm' as const, normal: { default: 100_000 } }],
      },
      { name: engine.pool, overflow: 'wait' as const, addresses: [], upstream: [`127.0.0.1:${place(n).port}`] },
    ]),
    providers: ['yahoo', 'microsoft-consumer'],
    mtaProcesses: 2,
    mta: {
      hostname: 'mx.sender.example',
      submission: {
        ...{ host: '127.0.0.1', port: submissionPort, maxBytes: 100_000 },
        users: [{ ...USER, pools: FRONTS.map(({ name }) => name) }],
      },
      upstreams: FRONTS.map(({ engine }, n) => ({
        ...{ pool: engine.pool, hosts: [{ host: '127.0.0.1', port: place(n).port }], tls: 'none' as const },
        ...{ connections: CONNECTIONS, messagesPerConnection: 50 },
      })),
      resolvers: [`127.0.0.1:${dnsPort}`],
      smtpPort,
      backPressure: { maxQueued: 1_000_000, minFreeBytes: 0, slowMs: 10_000 },
      traceKey: randomBytes(24).toString('hex'),
      notifications: 'none',
      shaping: { default: { connections: CONNECTIONS, messagesPerConnection: 50, connectionsPerMinute: 100_000 } },
    },
    legacy: { feeds: engines.map(({ feed }) => feed) },
    seeds: [],
    placement: DEFAULTS.placement,
    events: { keepDays: 1, sinks: [] },
    complaintFeeds: [],
  };
}
