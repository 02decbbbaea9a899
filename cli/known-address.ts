/** Addresses and lanes as arguments: each is known, or the answer says which are. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Queryable } from '../store/connect.ts';
import { type AddressRow, addressRow, addressRows, type LaneRow, lanesOf } from '../store/lanes.ts';
import { badInput } from './command.ts';
import { V6_SAYS } from './ranges/targets.ts';
import { closest } from './terminal/closest.ts';

/** The address's row; throws CliError `bad-input` (exit 2) for what is no address, or none of ours. */
export async function knownAddress(db: Queryable, ip: string): Promise<AddressRow> {
  if (isIPv6(ip)) throw badInput(`${ip}: ${V6_SAYS}`);
  if (!isIPv4(ip)) throw badInput(`"${ip}" is not an IPv4 address: write it like 198.51.100.8`);
  const row = await addressRow(db, ip);
  if (row !== undefined) return row;
  const known = (await addressRows(db)).map(({ address }) => address);
  const shown = known.length === 0 ? 'none' : known.slice(0, 8).join(', ') + (known.length > 8 ? ', …' : '');
  throw badInput(
    `${ip} is not an address of any pool (known: ${shown}): add it to pools in the configuration and run ./rampart up`,
  );
}

/** The address's lanes, or the one of a provider; throws CliError `bad-input` when there is no such lane. */
export async function knownLanes(db: Queryable, ip: string, provider: string | undefined): Promise<LaneRow[]> {
  const lanes = await lanesOf(db, ip);
  if (provider === undefined) return lanes;
  const lane = lanes.find((candidate) => candidate.provider === provider);
  if (lane !== undefined) return [lane];
  const names = lanes.map((candidate) => candidate.provider);
  const near = closest(provider, names);
  throw badInput(
    `${ip} has no lane for "${provider}": ${near === undefined ? `choose one of ${names.join(', ')}` : `did you mean ${near}?`}`,
  );
}
