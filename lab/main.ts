/**
 * The lab's command line: `world` runs a small internet, `inject` plays a customer's application, `schema` prints the JSON
 * Schema of scenarios, `reference` the same for people.
 */
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import { startInjector } from './injector.ts';
import { scenarioJsonSchema } from './scenario.ts';
import { loadScenario } from './scenario-file.ts';
import { referenceText } from './scenario-reference.ts';
import type { MailHost, SenderHost } from './topology.ts';
import { startWorld } from './world.ts';

const USAGE = `usage:
  node lab/main.ts world --scenario FILE --dir DIR --day-length MS [--senders IP=NAME,...]
      [--complaints-to HOST:PORT/RCPT] [--mail-hosts DOMAIN=IP:PORT,...] [--port N] [--http-port N] [--epoch MS]
  node lab/main.ts inject --scenario FILE --dir DIR --to HOST:PORT --user U --pass P --pool NAME
      --day-length MS --epoch MS [--days N]
  node lab/main.ts schema > lab/scenarios/scenario.schema.json
  node lab/main.ts reference`;

const text = { type: 'string' } as const;

async function world(args: string[]): Promise<void> {
  const names = [
    'scenario',
    'dir',
    'day-length',
    'senders',
    'complaints-to',
    'mail-hosts',
    'port',
    'http-port',
    'epoch',
  ];
  const given = optionsFrom(args, names);
  const reports = given['complaints-to'];
  const target = reports === undefined ? undefined : parseTarget(reports);
  const running = await startWorld({
    scenario: await loadScenario(required(given, 'scenario')),
    directory: required(given, 'dir'),
    dayLength: positive(given, 'day-length'),
    senders: parseSenders(given.senders ?? ''),
    mailHosts: parseMailHosts(given['mail-hosts'] ?? ''),
    ...(target ? { complaintsTo: target } : {}),
    ...(given.port === undefined ? {} : { smtpPort: positive(given, 'port') }),
    ...(given['http-port'] === undefined ? {} : { httpPort: positive(given, 'http-port') }),
    ...(given.epoch === undefined ? {} : { epoch: positive(given, 'epoch') }),
  });
  const { dns, smtpPort, control, imap } = running.facts;
  console.log(`world ready: dns ${dns}, smtp port ${smtpPort}, imap ${imap ? imap.port : 'none'}, control ${control}`);
  onSignal(() => void running.stop());
}

async function inject(args: string[]): Promise<void> {
  const names = ['scenario', 'dir', 'to', 'user', 'pass', 'pool', 'day-length', 'epoch', 'days'];
  const given = optionsFrom(args, names);
  const { host, port } = parseHostPort(required(given, 'to'), '--to');
  const injector = await startInjector({
    scenario: await loadScenario(required(given, 'scenario')),
    directory: required(given, 'dir'),
    to: { host, port, user: required(given, 'user'), password: required(given, 'pass') },
    pool: required(given, 'pool'),
    dayLength: positive(given, 'day-length'),
    epoch: positive(given, 'epoch'),
    ...(given.days === undefined ? {} : { days: positive(given, 'days') }),
  });
  onSignal(() => void injector.stop());
  console.log(JSON.stringify(await injector.done));
}

async function schema(): Promise<void> {
  process.stdout.write(scenarioJsonSchema());
}

async function reference(): Promise<void> {
  process.stdout.write(referenceText());
}

type Given = Record<string, string | undefined>;

function optionsFrom(args: string[], names: readonly string[]): Given {
  const options = Object.fromEntries(names.map((name) => [name, text]));
  return parseArgs({ args, options, strict: true }).values as Given;
}

function required(given: Given, name: string): string {
  const value = given[name];
  if (value === undefined) throw new Error(`--${name} is missing\n${USAGE}`);
  return value;
}

function positive(given: Given, name: string): number {
  const value = Number(required(given, name));
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
  return value;
}

function parseSenders(value: string): SenderHost[] {
  return value.split(',').flatMap((pair) => {
    if (pair === '') return [];
    const [ip, name] = pair.split('=');
    if (!ip || !name)
      throw new Error(`--senders: "${pair}" should read IP=NAME, e.g. 127.10.0.10=mta-1.sender.example`);
    return [{ ip, name }];
  });
}

function parseMailHosts(value: string): MailHost[] {
  return value.split(',').flatMap((pair) => {
    if (pair === '') return [];
    const [domain, address] = pair.split('=');
    const { host, port } = parseHostPort(address ?? '', '--mail-hosts');
    if (!domain || !isIPv4(host))
      throw new Error(`--mail-hosts: "${pair}" should read DOMAIN=IP:PORT, e.g. bounce.shop.example=127.10.0.9:2626`);
    return [{ domain: domain.toLowerCase(), ip: host, port }];
  });
}

function parseTarget(value: string) {
  const slash = value.indexOf('/');
  if (slash < 0)
    throw new Error('--complaints-to should read HOST:PORT/RCPT, e.g. 127.0.0.1:2626/fbl@feedback.example');
  return { ...parseHostPort(value.slice(0, slash), '--complaints-to'), rcpt: value.slice(slash + 1) };
}

function parseHostPort(value: string, option: string): { host: string; port: number } {
  const colon = value.lastIndexOf(':');
  const port = Number(value.slice(colon + 1));
  if (colon < 1 || !(port > 0)) throw new Error(`${option} should read HOST:PORT, not "${value}"`);
  return { host: value.slice(0, colon), port };
}

function onSignal(act: () => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, act);
}

const [command, ...args] = process.argv.slice(2);
const commands: Record<string, (args: string[]) => Promise<void>> = { world, inject, schema, reference };
try {
  const chosen = commands[command ?? ''];
  if (!chosen) throw new Error(USAGE);
  await chosen(args);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
