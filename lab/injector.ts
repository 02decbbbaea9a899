/**
 * A customer's application: hands a steady stream of mail, and the scenario's campaigns, to the engine under test.
 * A 4xx comes again later; a connection that breaks without an answer is noted as `unanswered` and its mail goes again under
 * a new Message-ID, so that a message delivered twice is never the application's own doing.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { customerMail } from './customer-mail.ts';
import { Journal } from './journal.ts';
import { domainOf } from './recipients.ts';
import type { InjectedLine, InjectionFailureLine } from './records.ts';
import type { Scenario } from './scenario.ts';
import { SmtpClient, type SmtpPeer } from './smtp-client.ts';
import { messagesOfDay, type PlannedMessage } from './traffic.ts';

const CONNECTIONS = 6;
const IDLE_MS = 5;
const MAX_IDLE_MS = 250;
const UNREACHABLE_MS = 250;
const RETRY_HOURS = 0.25;
const MIN_RETRY_MS = 200;

export interface InjectorOptions {
  readonly scenario: Scenario;
  /** Where injected.jsonl and injection-failures.jsonl go; made if need be. */
  readonly directory: string;
  readonly to: SmtpPeer;
  readonly pool: string;
  /** Real ms of one day. */
  readonly dayLength: number;
  /** When day 0 begins, ms since 1970. */
  readonly epoch: number;
  /** How many days to inject; without it until stopped. */
  readonly days?: number;
}

export interface InjectorSummary {
  /** Answered 250. */
  readonly injected: number;
  /** Answered 4xx, each time. */
  readonly deferred: number;
  readonly unanswered: number;
  readonly refused: number;
  /** Due or put off, but not accepted when it ended. */
  readonly pending: number;
  /** Why the engine could last not be reached (or refused the log-in); null if it always could. */
  readonly trouble: string | null;
}

export interface Injector {
  /** Resolves when all `days` are through, or after stop(). */
  readonly done: Promise<InjectorSummary>;
  /** Finishes the messages under way, writes everything down. Idempotent. */
  stop(): Promise<InjectorSummary>;
}

interface Waiting {
  readonly message: PlannedMessage;
  readonly dueMs: number;
  /** 0, 1, …: how often its Message-ID had to change. */
  readonly version: number;
}

/** Starts to inject; rejects only if the records cannot be opened. */
export async function startInjector(options: InjectorOptions): Promise<Injector> {
  await mkdir(options.directory, { recursive: true });
  const injected = await Journal.open<InjectedLine>(path.join(options.directory, 'injected.jsonl'));
  const failures = await Journal.open<InjectionFailureLine>(path.join(options.directory, 'injection-failures.jsonl'));
  const application = new Application(options, injected, failures);
  const workers = Array.from({ length: CONNECTIONS }, () => application.work(new SmtpClient(options.to)));
  const done = Promise.all(workers).then(async () => {
    await Promise.all([injected.close(), failures.close()]);
    return application.summary();
  });
  return {
    done,
    stop: () => {
      application.stop();
      return done;
    },
  };
}

class Application {
  readonly #options: InjectorOptions;
  readonly #injected: Journal<InjectedLine>;
  readonly #failures: Journal<InjectionFailureLine>;
  readonly #counts = { injected: 0, deferred: 0, unanswered: 0, refused: 0 };
  #nextDay = 0;
  /** Of the current day, in the order they are due. */
  #planned: Waiting[] = [];
  #putOff: Waiting[] = [];
  #underWay = 0;
  #trouble: string | null = null;
  readonly #stopping = new AbortController();

  constructor(options: InjectorOptions, injected: Journal<InjectedLine>, failures: Journal<InjectionFailureLine>) {
    this.#options = options;
    this.#injected = injected;
    this.#failures = failures;
  }

  stop(): void {
    this.#stopping.abort();
  }

  summary(): InjectorSummary {
    const now = Date.now();
    const late = this.#planned.filter((one) => one.dueMs <= now).length;
    return { ...this.#counts, pending: late + this.#putOff.length, trouble: this.#trouble };
  }

  /** Sends what is due over one connection until there is no more to send. */
  async work(client: SmtpClient): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const next = this.#take(Date.now());
      if (next === 'over') break;
      if (typeof next === 'number') {
        // Woken by stop(): the loop's condition does the rest.
        await sleep(Math.min(MAX_IDLE_MS, Math.max(IDLE_MS, next)), undefined, { signal }).catch(() => {});
        continue;
      }
      this.#underWay += 1;
      await this.#send(client, next);
      this.#underWay -= 1;
    }
    client.close();
  }

  /** A message that is due, or ms until there may be one, or `over`. */
  #take(now: number): Waiting | number | 'over' {
    const retry = this.#putOff.findIndex((one) => one.dueMs <= now);
    const [again] = retry < 0 ? [] : this.#putOff.splice(retry, 1);
    if (again) return again;
    const { days, scenario, epoch, dayLength } = this.#options;
    while (this.#planned.length === 0) {
      if (days !== undefined && this.#nextDay >= days) {
        return this.#putOff.length + this.#underWay === 0 ? 'over' : MIN_RETRY_MS;
      }
      const start = epoch + this.#nextDay * dayLength;
      if (now < start) return start - now;
      this.#planned = messagesOfDay(scenario, this.#nextDay).map((message) => {
        return { message, dueMs: epoch + message.due * dayLength, version: 0 };
      });
      this.#nextDay += 1;
    }
    const first = this.#planned[0];
    if (!first || first.dueMs > now) return first ? first.dueMs - now : IDLE_MS;
    this.#planned.shift();
    return first;
  }

  async #send(client: SmtpClient, waiting: Waiting): Promise<void> {
    const { message, version } = waiting;
    const { scenario, pool, dayLength, epoch } = this.#options;
    const { from, tenant } = scenario.traffic;
    // The epoch tells two runs of one scenario apart: an engine that kept its spool would see old Message-IDs again.
    const messageId = `<${message.id}.${version}.${epoch.toString(36)}@${domainOf(from)}>`;
    const mail = customerMail(message, { messageId, from, pool, tenant, now: Date.now() });
    const result = await client.send(from, message.rcpt, mail);
    const { rcpt, provider, campaign, segment } = message;
    const line = { t: Date.now(), messageId, rcpt, provider, campaign, segment };
    if (result.kind === 'unreachable') {
      this.#trouble = result.text;
      this.#putOff.push({ ...waiting, dueMs: Date.now() + UNREACHABLE_MS });
      await sleep(UNREACHABLE_MS);
    } else if (result.kind === 'unanswered') {
      this.#counts.unanswered += 1;
      this.#failures.append({ kind: 'unanswered', ...line, text: result.text });
      this.#putOff.push({ message, dueMs: Date.now() + UNREACHABLE_MS, version: version + 1 });
    } else if (result.code < 300) {
      this.#counts.injected += 1;
      this.#injected.append(line);
    } else if (result.code < 500) {
      this.#counts.deferred += 1;
      const wait = Math.max(MIN_RETRY_MS, (RETRY_HOURS / 24) * dayLength);
      this.#putOff.push({ ...waiting, dueMs: Date.now() + wait });
    } else {
      this.#counts.refused += 1;
      this.#failures.append({ kind: 'refused', ...line, text: result.text });
    }
  }
}
