/** From what a person wrote to the addresses a command is about: every problem is told at once, a line each. */
import { blockOf } from '../../policy/ranges/block.ts';
import { expandRange } from '../../policy/ranges/expand.ts';
import type { Queryable } from '../../store/connect.ts';
import { type AddressRow, addressRows, poolNames } from '../../store/lanes.ts';
import { badInput } from '../command.ts';
import { closest } from '../terminal/closest.ts';

export interface Targets {
  readonly rows: readonly AddressRow[];
  readonly notes: readonly string[];
}

/** Addresses of a range that are ours, of this pool where one is named; throws CliError `bad-input` with all problems. */
export async function knownRange(db: Queryable, written: string, pool: string | undefined): Promise<Targets> {
  const { rows, notes, problems } = await lookUp(db, written, pool);
  if (problems.length > 0) throw badInput(problems.join('\n'));
  return { rows, notes };
}

/** The same with what is wrong, for a command that has more to say about it. */
export async function lookUp(
  db: Queryable,
  written: string,
  pool: string | undefined,
): Promise<Targets & { readonly problems: string[] }> {
  const parts = written.split(/[\s,]+/).filter((part) => part !== '');
  const v6 = parts.filter(isV6);
  const rest = parts.filter((part) => !isV6(part));
  // Not counted out: a /64 is no range that is too large, it is one that nothing here can send from.
  const { addresses, notes, problems: bad } = expandRange(rest.length === 0 && v6.length > 0 ? '' : rest.join(','));
  const problems = v6.length === 0 ? [...bad] : [`${listed(v6)}: ${V6_SAYS}`, ...(rest.length === 0 ? [] : bad)];
  if (pool !== undefined) {
    const names = await poolNames(db);
    const near = closest(pool, names);
    if (!names.includes(pool))
      problems.push(
        `no pool is called "${pool}": ${near === undefined ? `there is ${names.join(', ') || 'none'}` : `did you mean ${near}?`}`,
      );
  }
  const known = new Map((await addressRows(db)).map((row) => [row.address, row]));
  const rows = addresses.flatMap((address) => known.get(address) ?? []);
  const strange = addresses.filter((address) => !known.has(address));
  if (strange.length > 0)
    problems.push(
      `${listed(strange)}: of no pool (add ${strange.length === 1 ? 'it' : 'them'} to pools in the configuration and run ./rampart up)`,
    );
  const others = pool === undefined ? [] : rows.filter((row) => row.pool !== pool);
  for (const [name, group] of Map.groupBy(others, (row) => row.pool))
    problems.push(`${listed(group.map((row) => row.address))}: of pool ${name}, not ${pool}`);
  return { rows, notes, problems };
}

/** What an IPv6 address is told, wherever one is named, and what to do instead. */
export const V6_SAYS =
  'IPv6, and Rampart sends over IPv4 only (hosts with both are reached over IPv4): name the IPv4 addresses of the same machines, such as 198.51.100.8/29';

function isV6(part: string): boolean {
  const block = blockOf(part);
  return typeof block !== 'string' && block.family === 6;
}

/** `a, b, c and 5 more`. */
export function listed(addresses: readonly string[]): string {
  const shown = addresses.slice(0, 8).join(', ');
  return addresses.length > 8 ? `${shown} and ${addresses.length - 8} more` : shown;
}
