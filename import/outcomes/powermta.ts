/**
 * PowerMTA's accounting file as events: d, b, t, r, rb and f records; tq is about a queue and names no recipient. Columns by
 * their names, in any order; a header in the middle (a pipe that was started again) counts from there on. The Message-ID
 * is only there where the file was told to record it: `record-fields d *,header_Message-Id`.
 * Source: PowerMTA 5.0 user's guide, 11.2 and 11.3.
 */
import { mxHost, type Row } from '../columns.ts';
import type { ReadTime } from '../times.ts';
import { bracketed, type LegacyEvent, type LogReader, type Outcome, replyIn } from './event.ts';
import { headedCsv } from './headed-csv.ts';

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  d: 'delivered',
  b: 'failed',
  t: 'deferred',
  r: 'accepted',
  rb: 'failed',
  f: 'complaint',
};

export function powerMtaEvents(readTime: ReadTime): LogReader {
  return headedCsv(
    (cells) => cells[0]?.toLowerCase() === 'type',
    (value) => eventOf(value, readTime),
  );
}

/** null: it says nothing about a recipient; undefined: it should, and can not be read. */
function eventOf(value: Row, readTime: ReadTime): LegacyEvent | null | undefined {
  const type = value('type');
  const known = Object.hasOwn(OUTCOMES, type) ? OUTCOMES[type] : undefined;
  if (known === undefined) return null;
  const at = readTime(value('timeLogged'));
  const recipient = value('rcpt');
  // A report may come with its recipient blackened: it can not be joined with anything.
  if (recipient === '' && type === 'f') return null;
  if (at === undefined || !recipient.includes('@')) return undefined;
  const [diag, category, status, id] = [
    value('dsnDiag'),
    value('bounceCat'),
    value('dsnStatus'),
    value('header_Message-Id'),
  ];
  const expired = type === 'b' && (category === 'message-expired' || status.startsWith('4.'));
  return {
    outcome: expired ? 'expired' : known,
    at,
    recipient,
    messageId: id === '' ? null : bracketed(id),
    reply: diag === '' ? null : replyIn(diag),
    ...(category === '' ? {} : { category }),
    host: mxHost(value('dsnMta')),
    address: value('dlvSourceIp') || null,
    campaign: value('jobId') || value('header_X-job') || null,
    identity: [
      type,
      value('timeLogged'),
      value('timeQueued'),
      value('orig'),
      recipient,
      value('envId'),
      value('vmta'),
      value('dlvSourceIp'),
      id,
      diag,
    ].join('\t'),
  };
}
