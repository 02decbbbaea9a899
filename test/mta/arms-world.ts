/** Two arms for one front: addresses of ours that reach one sink, and an engine before us that is another sink. */
import type { TestContext } from 'node:test';
import type { MtaSettings } from '../../mta/settings.ts';
import { BUCKETS, type Split } from '../../policy/cutover/split.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { splitProcesses, writeSplit } from '../../store/splits.ts';
import type { Databases } from './databases.ts';
import { MailWorld, POOL, until } from './mail-world.ts';
import { type Sink, type SinkOptions, startSink } from './sinks.ts';

export const LANE = '127.45.0.1';
export const LEGACY = 'legacy';
export const KEY = 'the key of this cutover';
const MX = '127.44.0.1';
const ENGINE = '127.44.0.2';

export function lines(marketing: number, transactional = 0): Split['thresholds'] {
  return { marketing: { '*': marketing * BUCKETS }, transactional: { '*': transactional * BUCKETS } };
}

export class ArmsWorld {
  readonly world: MailWorld;
  readonly upstreamPort: number;
  /** What providers got from our addresses, and what the engine before us was handed. */
  fresh!: Sink;
  legacy!: Sink;
  #revision = 0;
  readonly #context: TestContext;

  private constructor(context: TestContext, world: MailWorld, upstreamPort: number) {
    this.#context = context;
    this.world = world;
    this.upstreamPort = upstreamPort;
  }

  /** The front is the pool with addresses, and the new arm. Its domains: provider.example and yahoo.example. */
  static async start(
    context: TestContext,
    databases: Databases,
    options: { fresh?: SinkOptions; legacy?: SinkOptions; ceiling?: number; dayLength?: number } = {},
  ): Promise<ArmsWorld> {
    const { dayLength } = options;
    const world = await MailWorld.start(context, databases, dayLength === undefined ? {} : { dayLength });
    const arms = new ArmsWorld(context, world, await freePort());
    arms.fresh = await startSink(MX, world.smtpPort, options.fresh);
    arms.legacy = await startSink(ENGINE, arms.upstreamPort, options.legacy);
    context.after(() => Promise.all([arms.fresh.stop(), arms.legacy.stop()]));
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    world.domain('yahoo.example', [['mta5.am0.yahoodns.net', MX]]);
    for (const provider of ['microsoft-consumer', 'yahoo'])
      await world.lane(LANE, provider, 'warm', options.ceiling ?? 1_000_000);
    await world.pool(LEGACY, 'warm-peers', [`${ENGINE}:${arms.upstreamPort}`]);
    return arms;
  }

  mta(name = 'mta-1', more: Partial<MtaSettings> = {}) {
    return this.world.mta(name, {
      upstreams: [
        {
          pool: LEGACY,
          hosts: [{ host: ENGINE, port: this.upstreamPort }],
          tls: 'none',
          connections: 8,
          messagesPerConnection: 1_000,
        },
      ],
      bounceDomain: 'bounces.shop.example',
      ...more,
    });
  }

  /** Starts the engine again after it was stopped. */
  async engine(options: SinkOptions = {}): Promise<Sink> {
    const sink = await startSink(ENGINE, this.upstreamPort, options);
    this.#context.after(() => sink.stop());
    return sink;
  }

  /** Writes the next revision; a number is the new arm's share of marketing. Returns the revision. */
  async split(share: number, change: Partial<Split> = {}): Promise<number> {
    this.#revision += 1;
    const written = await writeSplit(this.world.store, {
      ...{ front: POOL, oldArm: LEGACY, newArm: POOL, scope: {}, key: KEY, thresholds: lines(share) },
      ...{ step: null, floor: {}, moves: {}, settled: null },
      ...change,
      revision: this.#revision,
    });
    if (written.result !== 'written') throw new Error(`the split was not written: ${written.result}`);
    return this.#revision;
  }

  /** Waits until every living MTA process runs this revision. */
  async runs(revision: number, processes: number): Promise<void> {
    await until(`every process runs revision ${revision}`, async () => {
      const all = await splitProcesses(this.world.store, POOL);
      return all.length === processes && all.every((one) => one.revision === revision);
    });
  }
}
