/** What the `user` commands share: how a password is come by, and how rights are written on a command line. */

import type { Store } from '../store/connect.ts';
import { generatePassword, LONGEST_PASSWORD } from '../store/password.ts';
import type { Rights, Stream } from '../store/users.ts';
import { badInput, type CommandOption, type Invocation, text } from './command.ts';

export const PASSWORD_OPTION: CommandOption = {
  name: 'password-stdin',
  type: 'boolean',
  says: 'read the password from stdin, one line (default: one is made and shown once)',
};

/** Of `user add` and `user rights`. */
export const RIGHTS_OPTIONS: readonly CommandOption[] = [
  { name: 'pools', type: 'string', value: 'P,…', says: 'pools they may use; the first is the default' },
  { name: 'domains', type: 'string', value: 'D,…', says: 'domains they may send as (default: every one)' },
  {
    name: 'tenants',
    type: 'string',
    value: 'T,…',
    says: 'tenants they may name; the first is the default (default: every one)',
  },
  {
    name: 'streams',
    type: 'string',
    value: 'S,…',
    says: 'marketing, transactional; the first is the default (default: both)',
  },
  { name: 'rate', type: 'string', value: 'N', says: 'recipients an hour, or none (default: no limit)' },
];

/** A user's rights in words. */
export function rightsText(name: string, { pools, domains, tenants, streams, rate }: Rights): string {
  const as = `through ${pools.join(', ')} as ${domains.join(', ') || 'every domain'}`;
  const of = `for ${tenants.join(', ') || 'every tenant'}, ${streams.join(' and ') || 'marketing and transactional'}`;
  return `user ${name} may send ${as}, ${of}, ${rate === null ? 'without a rate' : `${rate} recipients an hour`}`;
}

const SHORTEST = 12;

/** The new password, and whether it has to be shown because nobody else knows it. */
export async function newPassword(invocation: Invocation, stdin: AsyncIterable<Buffer | string>) {
  if (invocation.options['password-stdin'] !== true) return { password: generatePassword(), made: true };
  let given = '';
  for await (const chunk of stdin) {
    given += chunk.toString();
    if (given.length > 2 * LONGEST_PASSWORD) break;
  }
  const password = given.replace(/\r?\n$/, '');
  if (/\p{Cc}/u.test(password)) throw badInput('the password on stdin has more than one line, or control characters');
  const bytes = Buffer.byteLength(password);
  if (bytes < SHORTEST || bytes > LONGEST_PASSWORD)
    throw badInput(`the password on stdin has ${bytes} bytes: give ${SHORTEST} to ${LONGEST_PASSWORD}`);
  return { password, made: false };
}

/** A user's name: what SMTP AUTH and HTTP Basic (no colon, RFC 7617) can both carry. */
export function userName(given: string | undefined): string {
  const name = given ?? '';
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/.test(name)) return name;
  throw badInput(
    `"${name}" is no user name: use letters, digits and . _ @ + -, at most 100, beginning with a letter or digit`,
  );
}

/** Values of a comma-separated option; none where it was not given. */
export function listOption(invocation: Invocation, name: string): string[] {
  const given = text(invocation, name);
  return given === undefined
    ? []
    : given
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '');
}

const DOMAIN = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

export function domainsOption(invocation: Invocation): string[] {
  const domains = listOption(invocation, 'domains').map((one) => one.toLowerCase());
  const wrong = domains.find((one) => !DOMAIN.test(one));
  if (wrong === undefined) return domains;
  throw badInput(`--domains: "${wrong}" is no domain: use shop.example, or *.shop.example for all below it`);
}

const LONGEST_TENANT = 128;

/** Tenants they may name in X-Rampart-Tenant; none: every one. */
export function tenantsOption(invocation: Invocation): string[] {
  const tenants = listOption(invocation, 'tenants');
  const wrong = tenants.find((one) => one.length > LONGEST_TENANT || /\p{Cc}/u.test(one));
  if (wrong === undefined) return tenants;
  throw badInput(
    `--tenants: "${wrong.slice(0, 40)}" is no tenant: at most ${LONGEST_TENANT} characters, none of them a control character`,
  );
}

/** Streams they may name in X-Rampart-Stream; none: both. */
export function streamsOption(invocation: Invocation): Stream[] {
  return listOption(invocation, 'streams').map((one) => {
    if (one === 'marketing' || one === 'transactional') return one;
    throw badInput(`--streams: "${one}" is no stream: use marketing, transactional, or both with a comma`);
  });
}

/** Recipients an hour; null: no limit. */
export function rateOption(invocation: Invocation): number | null {
  const given = text(invocation, 'rate');
  if (given === undefined || given === 'none') return null;
  const [, digits = ''] = /^(\d{1,9})(?:\/h(?:our)?)?$/.exec(given) ?? [];
  if (Number(digits) > 0) return Number(digits);
  throw badInput(`--rate: "${given}" is no rate: give recipients an hour, such as 5000, or none`);
}

/** Pools that exist; a user of a pool that does not would only find out by a refusal. */
export async function poolsOption(invocation: Invocation, store: Store): Promise<string[]> {
  const pools = listOption(invocation, 'pools');
  if (pools.length === 0) throw badInput('--pools: name at least one pool; the first is the default');
  const { rows } = await store.query('select name from pools order by name');
  const known = rows.map((row) => row.name as string);
  const wrong = pools.find((pool) => !known.includes(pool));
  if (wrong === undefined) return pools;
  throw badInput(`--pools: there is no pool "${wrong}": there are ${known.join(', ') || 'none'}`);
}
