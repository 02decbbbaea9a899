/** All names of the world and what is known of them. The lab is authoritative for everything: other names don't exist. */
import type { Answer, Question, StringAnswer } from 'dns-packet';

/** Seconds; short, so that a resolver's cache never outlives a compressed day by much. */
const TTL = 60;

export interface ZoneAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN';
  readonly answers: readonly Answer[];
}

export class Zone {
  readonly #records = new Map<string, Answer[]>();
  /** Names with something below them: they exist although they have no records (RFC 8020 §2). */
  readonly #parents = new Set<string>();

  addAddress(name: string, ip: string): void {
    this.#add({ type: 'A', name, ttl: TTL, data: ip });
  }

  addMx(domain: string, exchange: string, preference: number): void {
    this.#add({ type: 'MX', name: domain, ttl: TTL, data: { exchange, preference } });
  }

  addText(name: string, text: string): void {
    this.#add({ type: 'TXT', name, ttl: TTL, data: [text] });
  }

  /** Name and address, both ways: what forward-confirmed reverse DNS looks for. */
  addHost(name: string, ip: string): void {
    this.addAddress(name, ip);
    const pointer: StringAnswer = { type: 'PTR', name: reverseName(ip), ttl: TTL, data: name };
    this.#add(pointer);
  }

  /** NXDOMAIN if nothing is known of the name; NOERROR without answers if it has no record of that type. */
  answer(question: Question): ZoneAnswer {
    const name = question.name.toLowerCase();
    const records = this.#records.get(name);
    if (!records) return { rcode: this.#parents.has(name) ? 'NOERROR' : 'NXDOMAIN', answers: [] };
    // dns-packet knows no type 255 by name but decodes it as ANY.
    const wanted = question.type as string;
    return { rcode: 'NOERROR', answers: records.filter((one) => wanted === 'ANY' || one.type === wanted) };
  }

  #add(record: Answer): void {
    const name = record.name.toLowerCase();
    this.#records.set(name, [...(this.#records.get(name) ?? []), record]);
    const labels = name.split('.');
    for (let from = 1; from < labels.length; from++) this.#parents.add(labels.slice(from).join('.'));
  }
}

function reverseName(ip: string): string {
  return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
}
