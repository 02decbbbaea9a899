/** Which entries of the suppression list stop which mail. Pure; the queries of store/suppressions.ts say the same in SQL. */

export interface SuppressionReach {
  /** Whose mail it stops: everybody's, one pool's, or one tenant's. */
  readonly scope: 'global' | 'pool' | 'tenant';
  /** Name of the pool or tenant; global: `*`. */
  readonly target: string;
  readonly streams: 'all' | 'marketing';
}

export interface SuppressibleMail {
  /** '' where it is not known yet; then no entry for one pool (tenant) matches. */
  readonly pool: string;
  readonly tenant: string;
  readonly stream: 'marketing' | 'transactional';
}

/** Does an entry for its recipient stop this mail? */
export function stops(entry: SuppressionReach, mail: SuppressibleMail): boolean {
  if (entry.streams !== 'all' && mail.stream !== 'marketing') return false;
  if (entry.scope === 'global') return true;
  const name = entry.scope === 'pool' ? mail.pool : mail.tenant;
  return name !== '' && entry.target === name;
}
