/** Puts the ways in together: listeners of every role and HTTP, over one spool, one sign-in and one budget. */
import { INJECTION_LIMITS, MAX_READING_BYTES } from '../../policy/injection.ts';
import type { Store } from '../../store/connect.ts';
import { dropOldKeys } from '../../store/idempotency.ts';
import { findUser, takeRate } from '../../store/users.ts';
import * as clock from '../clock.ts';
import { startInbound } from '../feedback/inbound.ts';
import type { MtaSettings } from '../settings.ts';
import type { ExtraListener } from '../settings-injection.ts';
import { GroupCommit, type Seating } from './group-commit.ts';
import type { Listening } from './listener.ts';
import { OneClickCount } from './one-click-count.ts';
import { Rates } from './rates.ts';
import { ReadingBudget } from './reading-budget.ts';
import { SignIn } from './sign-in.ts';
import { type InjectionParts, startInternal, startSubmission } from './submission.ts';
import { type SuppressedPort, SuppressionCheck } from './suppression-check.ts';

/** What the rest of the MTA tells injection. */
export type InjectionPorts = Pick<
  InjectionParts,
  'providerOf' | 'armOf' | 'toUpstream' | 'refuses' | 'lifetime' | 'planMs' | 'knownPools' | 'accepted'
> & {
  /** Places for mail that need not wait; absent: everything goes by way of the queue. */
  readonly seating?: Seating;
  /** Why no mail is taken in now, or null. */
  readonly accepting?: () => string | null;
  /** Living MTA processes; absent: this one alone. */
  readonly processes?: () => number;
  /** Absent: nobody is suppressed. */
  readonly suppressed?: SuppressedPort;
};

export interface Injection {
  readonly submissionPort: number;
  /** Of `injection.listeners`, in their order. */
  readonly listenerPorts: readonly number[];
  readonly httpPort: number | null;
  reload(): void;
  /** Chores that are due once a minute. */
  tidy(): Promise<void>;
  /** Closes every way in, then waits for what was taken; idempotent. */
  stop(): Promise<void>;
}

/** Opens every way in. On failure, what was opened is closed again. */
export async function startInjection(settings: MtaSettings, store: Store, ports: InjectionPorts): Promise<Injection> {
  const { injection = {}, log } = settings;
  const spool = new GroupCommit(store, ports.seating, ports.accepting);
  const withoutOneClick = new OneClickCount(log);
  const parts: InjectionParts = {
    ...ports,
    settings,
    spool,
    accepting: ports.accepting ?? (() => null),
    withoutOneClick,
    requireListUnsubscribe: injection.requireListUnsubscribe ?? 'warn',
    suppression: new SuppressionCheck(ports.suppressed),
    signIn: new SignIn({
      configured: settings.submission.users,
      find: (name) => findUser(store, name),
      now: () => performance.now(),
      processes: ports.processes,
      log,
    }),
    rates: new Rates(
      (name, rate, want) => takeRate(store, name, rate, want),
      () => performance.now(),
    ),
    reading: new ReadingBudget(injection.maxReadingBytes ?? MAX_READING_BYTES),
    now: clock.now,
  };
  const open: Listening[] = [];
  const stopAll = () => Promise.all(open.map((one) => one.stop()));
  const keep = async (starting: Promise<Listening>) => {
    const listening = await starting;
    open.push(listening);
    return listening;
  };
  try {
    const submission = await keep(startSubmission(parts, settings.submission));
    const listeners: Listening[] = [];
    for (const one of injection.listeners ?? []) listeners.push(await keep(startExtra(parts, store, one)));
    const recipients = injection.limits?.recipients ?? INJECTION_LIMITS.recipients;
    let http: Listening | null = null;
    if (injection.http !== undefined) {
      // The composer and the request's schema are the largest part of a process's start: only where they are used.
      const { startHttp } = await import('./http/server.ts');
      http = await keep(startHttp({ ...parts, store, recipients }, injection.http));
    }
    return {
      submissionPort: submission.port,
      listenerPorts: listeners.map((one) => one.port),
      httpPort: http?.port ?? null,
      reload: () => {
        for (const one of open) one.reload();
      },
      tidy: async () => {
        withoutOneClick.report();
        await dropOldKeys(store);
      },
      stop: async () => {
        await stopAll();
        await spool.drain();
        withoutOneClick.report();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function startExtra(parts: InjectionParts, store: Store, listener: ExtraListener): Promise<Listening> {
  if (listener.role === 'inbound') return startInbound(parts.settings, store, listener);
  if (listener.role === 'internal') return startInternal(parts, listener);
  return startSubmission(parts, listener);
}
