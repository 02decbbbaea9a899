/**
 * Which addresses a command is about: one grammar for all of them.
 *
 *   198.51.100.8                  an address (IPv6 too)
 *   198.51.100.8/29               a range as a prefix
 *   198.51.100.8-198.51.100.11    a range by its first and last; 198.51.100.8-11 for short
 *   pool:marketing                every address of a pool
 *
 * Several may be given. They choose among known addresses, so a range is never counted out.
 */
import { type Block, blockOf, numberOf } from './ranges/block.ts';

export type Target =
  | ({ readonly kind: 'range'; readonly text: string } & Block)
  | { readonly kind: 'pool'; readonly text: string; readonly pool: string };

/** What is wrong with a target, in words. */
export class TargetError extends Error {
  readonly code = 'bad-target';
}

const EXAMPLES = '198.51.100.8, 198.51.100.8/29, 198.51.100.8-11 or pool:marketing';

/** Reads targets as people write them, separated by commas or given one by one; throws TargetError. */
export function parseTargets(words: readonly string[]): Target[] {
  return words
    .flatMap((word) => word.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map(parseTarget);
}

function parseTarget(text: string): Target {
  if (text.startsWith('pool:')) {
    const pool = text.slice('pool:'.length);
    if (pool === '') throw new TargetError(`"${text}" names no pool: write pool:marketing`);
    return { kind: 'pool', text, pool };
  }
  const block = blockOf(text);
  if (typeof block !== 'string') return { kind: 'range', text, ...block };
  // Only what begins as an address was meant as a block; the rest may be a host's or a pool's name.
  const meant = /^[0-9a-f:.]+[/-]/i.test(text) && /[.:].*[/-]/.test(text);
  throw new TargetError(meant ? block : `"${text}" is no address, range or pool: write ${EXAMPLES}`);
}

/** Does a target choose this address of this pool? */
export function targets(target: Target, address: string, pool: string): boolean {
  if (target.kind === 'pool') return target.pool === pool;
  const one = numberOf(address);
  return one !== undefined && one.family === target.family && one.value >= target.first && one.value <= target.last;
}
