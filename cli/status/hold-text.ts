import type { Hold } from '../../policy/holds.ts';

/** A hold in a few words: what it stops, why, and who placed it. */
export function holdText(hold: Hold): string {
  const where = hold.scope === 'all' ? 'everything' : `${hold.scope} ${hold.target}`;
  const warm = hold.reach === 'all' ? ', warm lanes too' : '';
  return `hold ${hold.id} on ${where} (${hold.cause}${warm}) by ${hold.actor}: ${hold.reason}`;
}
