/** Rampart's own attempts as CSV (docs/simulate.md has the query): a row an attempt; the last one ends its message. */
import type { Row } from '../../import/columns.ts';
import { BadLine, instant } from './columns.ts';
import type { PastMail } from './past-mail.ts';

export const ATTEMPT_COLUMNS: readonly string[] = [
  'at',
  'first_at',
  'address',
  'provider',
  'severity',
  'campaign',
  'final',
];

const OUTCOMES: Readonly<Record<string, 'delivered' | 'hard' | 'blocked' | 'failed'>> = {
  delivered: 'delivered',
  hard: 'hard',
  soft: 'failed',
  blocked: 'blocked',
  expired: 'failed',
};

/** Takes a row. Throws BadLine. */
export function takeAttempt(mail: PastMail, row: Row): void {
  const severity = row('severity');
  const final = ['t', 'true'].includes(row('final'));
  const ended = instant(row, 'at');
  const first = row('first_at') === '' ? ended : instant(row, 'first_at');
  const [address = '', provider = '', campaign = ''] = ['address', 'provider', 'campaign'].map((name) => row(name));
  if (address === '' || provider === '') throw new BadLine('address or provider is empty');
  const lane = { address, provider, campaign, first, ended };
  if (!final) {
    if (severity === 'blocked') mail.blocked({ ...lane, outcome: 'blocked' });
    return;
  }
  // In doubt: nobody knows whether it arrived.
  if (severity === 'in-doubt') return;
  const outcome = Object.hasOwn(OUTCOMES, severity) ? OUTCOMES[severity] : undefined;
  if (outcome === undefined)
    throw new BadLine(`severity is "${severity}": expected ${Object.keys(OUTCOMES).join(', ')}`);
  mail.add({ ...lane, outcome });
  if (row('complained_at') !== '')
    mail.complaint({ address, provider, campaign, at: instant(row, 'complained_at'), first });
}
