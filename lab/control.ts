/** The lab's own HTTP door: POST /start, POST /event, GET /state, GET /healthz. Loopback only, no authentication. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { LabClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { Scenario } from './scenario.ts';
import { eventSchema, isCampaign, type WorldEvent } from './scenario-events.ts';
import { describeIssues } from './scenario-issues.ts';
import { misplaced } from './scenario-places.ts';
import type { Schedule } from './schedule.ts';
import type { Tally } from './sender-registry.ts';

const MAX_BODY = 64 * 1024;
const startSchema = z.strictObject({ epoch: z.number().positive() });

/** How a provider sees one sender now. */
export interface SenderState extends Partial<Tally> {
  readonly score: number;
  readonly standing: string;
  /** Recipients a day it is known for. */
  readonly level: number;
  /** Recipients in 24 h it may reach; null: no limit. */
  readonly allowance: number | null;
  readonly volume24h: number;
}

export interface WorldState {
  readonly epoch: number | null;
  /** With its fraction. */
  readonly day: number;
  readonly events: readonly WorldEvent[];
  readonly providers: Readonly<
    Record<
      string,
      {
        sources: Record<string, SenderState>;
        domains: Record<string, SenderState>;
        networks: Record<string, SenderState>;
      }
    >
  >;
}

export interface ControlOptions {
  readonly scenario: Scenario;
  readonly clock: LabClock;
  readonly schedule: Schedule;
  readonly providers: readonly Provider[];
  /** Called after each change, so that the record shows it at once. */
  readonly observe: () => void;
}

export class ControlServer {
  readonly #options: ControlOptions;
  readonly #server: http.Server;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => {
      this.#answer(request).then(
        ([status, body]) => send(response, status, body),
        (error: Error) => send(response, 400, { error: error.message }),
      );
    });
  }

  /** Listens on 127.0.0.1; resolves with the port. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  state(): WorldState {
    const { clock, schedule, providers } = this.#options;
    const entries = providers.map((provider) => [provider.spec.key, this.#stateOf(provider)] as const);
    return {
      epoch: clock.epoch,
      day: clock.days(),
      events: schedule.active(),
      providers: Object.fromEntries(entries),
    };
  }

  #stateOf(provider: Provider) {
    const at = this.#options.clock.instant(provider.spec.dayStartsAtHour);
    const state = { sources: {}, domains: {}, networks: {} } as Record<
      'sources' | 'domains' | 'networks',
      Record<string, SenderState>
    >;
    for (const { kind, name, reputation, tally } of provider.senders()) {
      const { score, standing, level, allowance } = reputation;
      state[PLACE_OF[kind]][name] = {
        score,
        standing,
        level: round(level),
        allowance: Number.isFinite(allowance) ? round(allowance) : null,
        volume24h: round(reputation.volume24h(at)),
        ...tally,
      };
    }
    return state;
  }

  async #answer(request: http.IncomingMessage): Promise<[status: number, body: unknown]> {
    const { clock, schedule, observe } = this.#options;
    switch (`${request.method} ${request.url}`) {
      case 'GET /healthz':
        return [200, { ok: true }];
      case 'GET /state':
        return [200, this.state()];
      case 'POST /start': {
        const { epoch } = checked(startSchema, await bodyOf(request), '/start');
        clock.start(epoch);
        observe();
        return [200, { epoch, day: clock.days() }];
      }
      case 'POST /event': {
        const body = await bodyOf(request);
        // "Now" is what this door is for, so a day need not be given.
        const event = checked(eventSchema, { fromDay: 0, ...(body as object) }, '/event');
        if (isCampaign(event))
          throw new Error(`/event: a ${event.type} is injected, not applied: put it into the scenario`);
        const [fault] = misplaced(event, this.#options.scenario);
        if (fault) throw new Error(`/event: ${fault.path.join('.')}: ${fault.message}`);
        schedule.apply(event);
        observe();
        return [200, { applied: event }];
      }
      default:
        return [404, { error: 'try GET /state, GET /healthz, POST /start or POST /event' }];
    }
  }
}

const PLACE_OF = { ip: 'sources', domain: 'domains', net: 'networks' } as const;

function checked<T>(schema: z.ZodType<T>, value: unknown, source: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new Error(describeIssues(result.error, source));
  return result.data;
}

async function bodyOf(request: http.IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Error('the body is too large');
  }
  return JSON.parse(text);
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
