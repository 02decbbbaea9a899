/** Finds, reads and checks the configuration file. */
import { accessSync, constants, existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Calendar } from '../../policy/calendar.ts';
import type { ShapingOverrides } from '../../policy/shaping.ts';
import { crossProblems } from './cross-checks.ts';
import { ConfigError, expectation, type Problem, problemText, schemaProblems } from './problems.ts';
import type { ResolvedConfig, ResolvedListener } from './resolved.ts';
import { resolveDelivery } from './resolved-delivery.ts';
import { resolveEvents } from './resolved-events.ts';
import { resolveInjection } from './resolved-injection.ts';
import { resolveLegacy } from './resolved-legacy.ts';
import { resolvePools, resolveUpstreams } from './resolved-pools.ts';
import { type CheckedConfig, configSchema } from './schema.ts';

export { ConfigError } from './problems.ts';
export type { ResolvedAddress, ResolvedConfig, ResolvedPool, ResolvedSeed, ResolvedUser } from './resolved.ts';

/** The checkout this code belongs to. */
export const CHECKOUT = path.resolve(import.meta.dirname, '..', '..');

export interface LoadOptions {
  /** File named on the command line; else RAMPART_CONFIG, else rampart.config.ts in the checkout. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Folder that a relative `file` is relative to; default: the working directory. */
  readonly cwd?: string;
}

/** The configuration file these options mean, absolute; it need not exist. */
export function configFile(options: LoadOptions = {}): string {
  const named = options.file ?? (options.env ?? process.env).RAMPART_CONFIG;
  return named ? path.resolve(options.cwd ?? process.cwd(), named) : path.join(CHECKOUT, 'rampart.config.ts');
}

/**
 * Reads the configuration: imports the file, fills in defaults, reads secrets from the environment, makes paths
 * absolute. Writes nothing.
 *
 * @throws ConfigError with one line per problem: the value's path, what was expected, what was found.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<ResolvedConfig> {
  const file = configFile(options);
  return resolveConfig(await readConfig(file), file, options.env ?? process.env);
}

/** The same for a configuration that is no file: `file` is what it is called and what its paths are relative to. */
export function resolveConfig(given: unknown, file: string, env: NodeJS.ProcessEnv = process.env): ResolvedConfig {
  const parsed = configSchema.safeParse(given, { error: expectation });
  if (!parsed.success) throw failure(file, schemaProblems(configSchema, given, parsed.error.issues));
  const config = parsed.data;
  const calendar = calendarOf(config);
  const secrets = new Secrets(env);
  const files = new Files(path.dirname(file));
  const eventProblems: Problem[] = [];
  const read = {
    secret: (given: string | { readonly env: string }, at: readonly PropertyKey[]) => secrets.read(given, at),
    file: (named: string, at: readonly PropertyKey[]) => files.at(named, at),
  };
  const events = resolveEvents(config.events, read, eventProblems);
  const upstreams = Object.keys(config.pools).filter((name) => config.pools[name]?.upstream !== undefined);
  const legacy = resolveLegacy(config.legacy, upstreams, path.dirname(file), read, eventProblems);
  const resolved = { ...resolve(config, file, calendar, secrets, files), events, legacy };
  const problems = [...crossProblems(config, calendar), ...secrets.problems, ...files.problems, ...eventProblems];
  if (problems.length > 0) throw failure(file, problems);
  return resolved;
}

/**
 * The data folder a configuration names, whatever else is wrong with it: a pause in an emergency must not wait for
 * somebody to mend the file.
 */
export async function findDataDir(options: LoadOptions = {}): Promise<string> {
  const file = configFile(options);
  const given = existsSync(file) ? await readConfig(file).catch(() => undefined) : undefined;
  const named = (given as { dataDir?: unknown } | undefined)?.dataDir;
  return path.resolve(path.dirname(file), typeof named === 'string' && named !== '' ? named : '.rampart');
}

/** A configuration file's default export, unchecked. */
export async function readConfig(file: string): Promise<unknown> {
  if (!existsSync(file))
    throw failure(file, [{ path: [], says: 'there is no such file: write one with ./rampart init' }]);
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    const first = String((error as Error)?.message ?? error).split('\n')[0];
    // The package's name means something in its own folder only.
    const hint = /find package 'rampart'/.test(first ?? '')
      ? '; outside the checkout import defineConfig as ./rampart init --out FILE writes it'
      : '';
    throw failure(file, [{ path: [], says: `can not be read: ${first}${hint}` }]);
  }
  if (module.default === undefined) {
    throw failure(file, [{ path: [], says: 'exports nothing: write export default defineConfig({ … })' }]);
  }
  return module.default;
}

function failure(file: string, problems: readonly Problem[]): ConfigError {
  return new ConfigError(
    file,
    problems.map((problem) => (problem.path.length === 0 ? `${file}: ${problem.says}` : problemText(problem))),
  );
}

function calendarOf({ calendar }: CheckedConfig): Calendar {
  if (!('compressed' in calendar)) return { kind: 'civil', ...calendar };
  const { dayLength, epoch } = calendar.compressed;
  return { kind: 'compressed', epoch: epoch ?? Date.now(), dayLength };
}

function resolve(
  config: CheckedConfig,
  file: string,
  calendar: Calendar,
  secrets: Secrets,
  files: Files,
): Omit<ResolvedConfig, 'events' | 'legacy'> {
  const { dataDir, node, pools, providers, users, mta, seeds, placement } = config;
  return {
    file,
    dataDir: path.resolve(path.dirname(file), dataDir),
    node,
    calendar,
    pools: resolvePools(pools),
    providers,
    mtaProcesses: mta.processes,
    mta: {
      hostname: config.hostname ?? hostname(),
      submission: {
        ...listener(mta.submission, ['mta', 'submission'], files),
        users: users.map((user, index) => ({
          ...user,
          password: secrets.read(user.password, ['users', index, 'password']),
        })),
        maxBytes: mta.maxBytes,
      },
      ...(mta.inbound && {
        inbound: {
          ...listener(mta.inbound, ['mta', 'inbound'], files),
          feedbackAddresses: mta.inbound.feedbackAddresses,
          reporters: mta.inbound.reporters,
        },
      }),
      injection: resolveInjection(mta, (named, at) => files.at(named, at)),
      resolvers: mta.resolvers,
      smtpPort: mta.smtpPort,
      tenantShare: mta.tenantShare,
      notifications: mta.notifications,
      backPressure: {
        maxQueued: mta.backPressure.maxQueued,
        minFreeBytes: mta.backPressure.minFreeBytes,
        slowMs: mta.backPressure.slowDatabase,
      },
      ...(mta.bounceDomain === undefined ? {} : { bounceDomain: mta.bounceDomain }),
      keepDays: config.retention.days,
      delivery: resolveDelivery(config, {
        file: (named, at) => files.at(named, at),
        secret: (secret, at) => secrets.read(secret, at),
      }),
      shaping: config.shaping as ShapingOverrides,
      upstreams: resolveUpstreams(pools, (secret, at) => secrets.read(secret, at)),
    },
    seeds: seeds.map((seed, index) => ({
      ...seed,
      password: secrets.read(seed.password, ['seeds', index, 'password']),
    })),
    placement,
    // A loop nobody enrolled in would look like mail nobody complains about: only those that are named count.
    complaintFeeds: config.complaintFeeds,
    gates: config.gates,
    plans: config.plans,
    preflight: config.preflight,
    cutovers: config.cutovers,
    migrations: config.migrations,
    traceKey: config.traceKey === undefined ? null : secrets.read(config.traceKey, ['traceKey']),
  };
}

function listener(given: CheckedConfig['mta']['submission'], at: readonly string[], files: Files): ResolvedListener {
  const { host, port, tls } = given;
  if (tls === undefined) return { host, port };
  const file = (key: 'cert' | 'key') => files.at(tls[key], [...at, 'tls', key]);
  return { host, port, tls: { cert: file('cert'), key: file('key') } };
}

/** Reads secrets, and collects those that are not there. */
class Secrets {
  readonly problems: Problem[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  read(secret: string | { readonly env: string }, path: readonly PropertyKey[]): string {
    if (typeof secret === 'string') return secret;
    const value = this.#env[secret.env];
    if (!value) this.problems.push({ path, says: `the environment variable ${secret.env} is not set` });
    return value ?? '';
  }
}

/** Makes paths absolute, and collects those that can not be read. */
class Files {
  readonly problems: Problem[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  at(named: string, at: readonly PropertyKey[]): string {
    const file = path.resolve(this.#folder, named);
    try {
      accessSync(file, constants.R_OK);
    } catch {
      this.problems.push({ path: at, says: `expected a file that can be read, found none at ${file}` });
    }
    return file;
  }
}
