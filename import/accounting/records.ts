/**
 * Records of other engines' logs, as far as a warmup needs them: what was delivered, when, from which address and to which
 * provider. Every record is counted by its type, also those that say nothing about volume.
 * Sources: PowerMTA 5.0 user's guide, 11.2 and 11.3; KumoMTA docs/reference/log_record.md.
 */
import { isIPv4 } from 'node:net';
import { providerOf } from '../../policy/providers.ts';
import { mxHost, rowsUnder } from '../columns.ts';
import { providerOfDomain } from '../known-domains.ts';
import type { ReadTime } from '../times.ts';

export interface Delivered {
  readonly at: number;
  /** The IPv4 address it left from; null: the record does not say. */
  readonly address: string | null;
  readonly provider: string;
  readonly recipients: number;
}

/** `type` as the file writes it, and what was delivered, if the record is about that. */
export interface LegacyRecord {
  readonly type: string;
  readonly at: number | undefined;
  readonly delivered: Delivered | null;
}

export type ReadProvider = (host: string, recipient: string) => string;

/** By the MX host that took the mail; where a record names none, by the recipient's domain. */
export function providerReader(): ReadProvider {
  const byHost = new Map<string, string>();
  const byDomain = new Map<string, string>();
  const of = (known: Map<string, string>, key: string, find: () => string) => {
    let provider = known.get(key);
    if (provider === undefined) {
      provider = find();
      // Business domains are without number.
      if (known.size > 100_000) known.clear();
      known.set(key, provider);
    }
    return provider;
  };
  return (host, recipient) => {
    if (/[a-z]/i.test(host)) return of(byHost, host, () => providerOf([{ exchange: host, priority: 0 }]));
    const domain = recipient.slice(recipient.lastIndexOf('@') + 1).toLowerCase();
    return of(byDomain, domain, () => providerOfDomain(domain) ?? 'other');
  };
}

/** Reads PowerMTA rows under their header; a file of several types has the columns of all of them. */
export function powerMtaReader(
  header: readonly string[],
  readTime: ReadTime,
  readProvider: ReadProvider,
): (row: readonly string[]) => LegacyRecord | undefined {
  const read = rowsUnder(header);
  return (cells) => {
    const value = read(cells);
    if (value === undefined) return undefined;
    const type = value('type');
    const at = readTime(value('timeLogged'));
    if (type !== 'd') return { type, at, delivered: null };
    if (at === undefined) return undefined;
    const address = value('dlvSourceIp');
    const provider = readProvider(mxHost(value('dsnMta')) ?? '', value('rcpt'));
    return { type, at, delivered: { at, address: isIPv4(address) ? address : null, provider, recipients: 1 } };
  };
}

/** Reads one line of a KumoMTA log; undefined when it is no record. */
export function kumoMtaReader(
  readTime: ReadTime,
  readProvider: ReadProvider,
): (line: string) => LegacyRecord | undefined {
  return (line) => {
    const record = parsed(line);
    if (record === undefined || typeof record.type !== 'string') return undefined;
    const when = record.event_time ?? record.timestamp;
    const at = typeof when === 'number' ? when * 1_000 : readTime(String(when ?? ''));
    // Webhook and log records travel the same queues as mail, and are none.
    const mail = record.reception_protocol !== 'LogRecord' && (record.delivery_protocol ?? 'ESMTP') === 'ESMTP';
    if (record.type !== 'Delivery' || !mail) return { type: record.type, at, delivered: null };
    if (at === undefined) return undefined;
    const recipients = Array.isArray(record.recipient) ? record.recipient : [record.recipient ?? ''];
    const peer = record.peer_address as { name?: unknown } | null | undefined;
    const source = record.source_address as { address?: unknown } | null | undefined;
    const address = String(source?.address ?? '').replace(/:\d+$/, '');
    return {
      type: record.type,
      at,
      delivered: {
        at,
        address: isIPv4(address) ? address : null,
        provider: readProvider(String(peer?.name ?? ''), String(recipients[0] ?? '')),
        recipients: recipients.length,
      },
    };
  };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
