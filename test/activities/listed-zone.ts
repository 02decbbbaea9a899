/** A DNS list on a real name server, whose entries tests change: RFC 5782 as lists keep it, with its ways to be none. */
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';

export interface ListedZone {
  readonly resolver: string;
  /** Return codes by address. */
  readonly entries: Map<string, string[]>;
  /** `refuses`: every answer is 127.255.255.254. `dead`: its test entry is gone. `silent`: no answer is of use. */
  mode: 'works' | 'refuses' | 'dead' | 'silent';
  /** Questions it was asked, by address. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export async function startListedZone(name: string): Promise<ListedZone> {
  const zone = new Zone();
  const server = new DnsServer(zone);
  const entries = new Map<string, string[]>();
  const asked: string[] = [];
  const list = { entries, asked, mode: 'works' as ListedZone['mode'] };
  zone.delegate(name, (question) => {
    const ip = question.name
      .slice(0, -name.length - 1)
      .split('.')
      .reverse()
      .join('.');
    asked.push(ip);
    const found = (codes: readonly string[]) => ({
      rcode: 'NOERROR' as const,
      answers: codes.map((data) => ({ type: 'A' as const, name: question.name, ttl: 0, data })),
    });
    if (list.mode === 'silent') return { rcode: 'SERVFAIL', answers: [] };
    if (list.mode === 'refuses') return found(['127.255.255.254']);
    if (ip === '127.0.0.2' && list.mode === 'works') return found(['127.0.0.2']);
    const codes = list.entries.get(ip);
    return codes === undefined ? { rcode: 'NXDOMAIN', answers: [] } : found(codes);
  });
  const resolver = `127.0.0.1:${await server.start()}`;
  return Object.assign(list, { resolver, stop: () => server.stop() });
}
