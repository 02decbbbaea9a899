import { overflowPool } from '../../policy/overflow.ts';
import { CONFIG_OPTION, type Command, text } from '../command.ts';
import { loadConfig, type ResolvedConfig, type ResolvedPool } from '../config/load.ts';
import { table } from '../terminal/table.ts';

/** Reads the configuration and says what it means; what is wrong is a ConfigError with a line each. */
export const check: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart check --config rampart.config.example.ts',
  positionals: [0, 0],
  async run(invocation) {
    const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
    return { json: { file: config.file, ...meaning(config), notes: notes(config) }, lines: describe(config) };
  },
};

/** The configuration without its secrets. */
function meaning(config: ResolvedConfig) {
  const { dataDir, node, calendar, pools, providers, mtaProcesses, complaintFeeds, placement } = config;
  const { hostname, submission, inbound, injection } = config.mta;
  return {
    dataDir,
    node,
    hostname,
    calendar,
    pools,
    providers,
    mtaProcesses,
    submission: { host: submission.host, port: submission.port, tls: submission.tls !== undefined },
    users: submission.users.map(({ name, pools: of }) => ({ name, pools: of })),
    inbound: inbound === undefined ? null : { host: inbound.host, port: inbound.port },
    listeners: injection.listeners.map(({ role, host, port, tls }) => ({ role, host, port, tls: tls !== undefined })),
    http: injection.http === undefined ? null : { host: injection.http.host, port: injection.http.port },
    limits: injection.limits,
    requireListUnsubscribe: injection.requireListUnsubscribe,
    remoteTls: config.mta.delivery?.tls ?? null,
    dkimAlsoSign: config.mta.delivery?.dkim.alsoSign ?? {},
    complaintFeeds,
    events: {
      keepDays: config.events.keepDays,
      sinks: config.events.sinks.map(({ name, kind, filter }) => ({ name, kind, ...filter })),
    },
    legacy: {
      listener:
        config.legacy.listener === undefined
          ? null
          : { host: config.legacy.listener.host, port: config.legacy.listener.port },
      feeds: config.legacy.feeds.map(({ name, format, files }) => ({ name, format, files })),
    },
    seeds: config.seeds.map(({ provider, address }) => ({ provider, address })),
    placement,
    plans: Object.keys(config.plans),
  };
}

function describe(config: ResolvedConfig): string[] {
  const { submission, inbound, injection } = config.mta;
  const addresses = config.pools.flatMap((pool) => pool.addresses.map((address) => ({ pool, address })));
  const rows = addresses.map(({ pool, address }) => [
    pool.name,
    address.ip,
    address.standing,
    address.ehloName,
    address.standing === 'warm' ? normalText(address.normal) : 'under a plan: ./rampart warmup start',
  ]);
  return [
    `${config.file} is in order`,
    '',
    ...table(['pool', 'address', 'standing', 'greets as', 'may send a day, per provider'], rows),
    '',
    ...config.pools.map(
      (pool) =>
        `pool ${pool.name}: ${pool.upstream === undefined ? overflowText(pool) : `goes to ${pool.upstream.join(', then ')} as it was handed in`}`,
    ),
    '',
    `lanes: ${addresses.length * config.providers.length} (${addresses.length} addresses × ${config.providers.length} providers)`,
    `days: ${calendarText(config)}`,
    `submission: ${submission.host}:${submission.port}, users ${submission.users.map((user) => user.name).join(', ') || 'none'}, processes ${config.mtaProcesses}`,
    ...injection.listeners.map(({ role, host, port }) => `${role}: ${host}:${port}`),
    ...(injection.http === undefined ? [] : [`http: ${injection.http.host}:${injection.http.port}`]),
    `complaint reports: ${inbound === undefined ? 'none' : `${inbound.host}:${inbound.port} for ${config.complaintFeeds.join(', ') || 'no provider'}`}`,
    `TLS on the way out: ${tlsText(config)}`,
    `seeds: ${config.seeds.length === 0 ? 'none' : config.seeds.map((seed) => seed.address).join(', ')}`,
    `events: ${config.events.sinks.map(({ name, kind }) => `${name} (${kind})`).join(', ') || 'told to nobody'}`,
    `plans of your own: ${Object.keys(config.plans).join(', ') || 'none'}`,
    `data: ${config.dataDir}`,
    ...notes(config).map((note) => `note: ${note}`),
  ];
}

/** What is allowed and may still surprise. */
function notes(config: ResolvedConfig): string[] {
  const said: string[] = [];
  const { submission, inbound } = config.mta;
  if (submission.users.length === 0) said.push('no users here: only those of ./rampart user list can hand in mail');
  if (inbound === undefined) said.push('no mta.inbound: complaints are not seen, and do not gate');
  if (config.seeds.length === 0) said.push('no seeds: placement is not seen, and does not gate');
  for (const pool of config.pools) {
    if (
      pool.upstream === undefined &&
      pool.overflow === 'warm-peers' &&
      pool.addresses.every((address) => address.standing === 'cold')
    ) {
      said.push(`pool ${pool.name} overflows to warm addresses and has none: warmup start will be refused`);
    }
  }
  if (!config.providers.includes('other')) {
    said.push("no lanes for 'other': mail to providers that are not listed waits and expires");
  }
  return said;
}

function overflowText({ name, overflow }: ResolvedPool): string {
  const to = overflowPool(overflow);
  if (to !== null) return `what its addresses may not send now goes to pool ${to}`;
  if (overflow === 'wait') return 'what its cold lanes could carry waits for their grants';
  if (overflow === 'refuse') return 'what no lane can take now is not accepted (451)';
  return `what its cold lanes may not send now goes to warm addresses of ${name}`;
}

function tlsText({ mta }: ResolvedConfig): string {
  if (mta.delivery === undefined) return 'opportunistic';
  const { default: fallback, providers, domains } = mta.delivery.tls;
  const named = Object.entries({ ...providers, ...domains }).filter(([, policy]) => policy !== fallback);
  return [fallback, ...named.map(([name, policy]) => `${policy} at ${name}`)].join(', ');
}

function normalText(normal: Readonly<Record<string, number>>): string {
  return Object.entries(normal)
    .map(([provider, limit]) => `${provider} ${limit.toLocaleString('en')}`)
    .join(', ');
}

function calendarText({ calendar }: ResolvedConfig): string {
  if (calendar.kind === 'compressed') return `each lasts ${calendar.dayLength / 1000} s (compressed)`;
  const { zone, sendDays, sendHours } = calendar;
  const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const days = sendDays.length === 7 ? 'every day' : sendDays.map((day) => names[day - 1]).join(' ');
  return `${zone}, cold lanes send ${days} from ${sendHours.from} to ${sendHours.to} h`;
}
