/**
 * A blocklist as DNS tells it (RFC 5782): the octets of an address backwards under the zone; an A record in 127.0.0.0/8 and a
 * TXT record if it is listed, NXDOMAIN if not. 127.0.0.2 is always listed and 127.0.0.1 never (§5), so that a client can
 * tell a working list from a dead zone. A list that refuses its client answers 127.255.255.254 to everything, as Spamhaus
 * does to public resolvers: taken for a listing, it would stop all mail.
 */
import { isIPv4 } from 'node:net';
import type { Answer, Question } from 'dns-packet';
import type { Blocklists } from './blocklists.ts';
import type { ZoneAnswer } from './dns-zone.ts';
import type { BlocklistSpec } from './scenario-blocklist.ts';

const NEVER_LISTED = '127.0.0.1';
const REFUSED = '127.255.255.254';
/** Seconds. Lists answer with short lives, or a delisting would take a day to be seen; here a day may be three seconds. */
const TTL = 0;

/** The answer to a question at or below the list's zone. */
export function dnsblAnswer(lists: Blocklists, spec: BlocklistSpec, question: Question): ZoneAnswer {
  const name = question.name.toLowerCase();
  if (name === spec.zone) return { rcode: 'NOERROR', answers: [] };
  const ip = name
    .slice(0, -spec.zone.length - 1)
    .split('.')
    .reverse()
    .join('.');
  if (!isIPv4(ip)) return { rcode: 'NXDOMAIN', answers: [] };
  if (lists.refuses(spec.zone))
    return answer(question, REFUSED, 'Error: open resolver; see https://bl.lab.example/refused');
  if (ip === NEVER_LISTED || !lists.listed(spec.zone, ip)) return { rcode: 'NXDOMAIN', answers: [] };
  return answer(question, spec.code, `Listed by ${spec.zone}: https://${spec.zone}/query/ip/${ip}`);
}

function answer({ name, type }: Question, code: string, text: string): ZoneAnswer {
  const records: Answer[] = [
    { type: 'A', name, ttl: TTL, data: code },
    { type: 'TXT', name, ttl: TTL, data: [text] },
  ];
  const wanted = type as string;
  return { rcode: 'NOERROR', answers: records.filter((one) => wanted === 'ANY' || one.type === wanted) };
}
