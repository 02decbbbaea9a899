/** DKIM keys as people see them: the record to publish, and where a key stands. */
import { domainToASCII } from 'node:url';
import { recordName, recordText } from '../../mta/signing/key-pair.ts';
import type { DkimKeyRow } from '../../store/dkim.ts';
import { badInput } from '../command.ts';
import { ago } from '../terminal/time.ts';

/** A string of a TXT record holds at most this many bytes (RFC 1035 §3.3.14). */
const STRING_BYTES = 255;

export interface Record {
  readonly name: string;
  /** The whole text; a DNS panel takes it as it is. */
  readonly text: string;
  /** One line of a zone file. */
  readonly zoneLine: string;
}

export function recordOf({ domain, selector, algorithm, publicKey }: PublicKey): Record {
  const name = recordName(domain, selector);
  const text = recordText(algorithm, publicKey);
  const strings = text.match(new RegExp(`.{1,${STRING_BYTES}}`, 'g')) ?? [];
  return { name, text, zoneLine: `${name}. 3600 IN TXT ${strings.map((part) => `"${part}"`).join(' ')}` };
}

export type PublicKey = Pick<DkimKeyRow, 'domain' | 'selector' | 'algorithm' | 'publicKey'>;

/** What is to be published, for people. */
export function publishLines(keys: readonly PublicKey[]): string[] {
  return [
    'publish:',
    '',
    ...keys.map((key) => recordOf(key).zoneLine),
    '',
    'signing begins when Rampart has seen the record in DNS: ./rampart dkim list',
  ];
}

/** Where a key stands, in words. `now`: ms since 1970. */
export function standing(key: DkimKeyRow, now: number): string {
  if (key.state === 'active') return 'signs';
  if (key.state === 'published') {
    if (key.checkedAt === null) return 'waits for its record: not looked for yet';
    return `waits for its record: ${key.checkResult} (${ago(key.checkedAt.getTime(), now)})`;
  }
  const keep = key.keepUntil?.getTime() ?? 0;
  return keep > now
    ? `retired: leave its record until ${new Date(keep).toISOString().slice(0, 10)}`
    : 'retired: its record may go';
}

/** A domain as it is stored; throws CliError `bad-input`. */
export function domainArgument(given: string): string {
  const domain = domainToASCII(given);
  if (/^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(domain)) return domain;
  throw badInput(`"${given}" is not a domain: write it like example.com`);
}
