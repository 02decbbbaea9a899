/** All names of the world and what is known of them. The lab is authoritative for everything: other names don't exist. */
import type { Answer, Question, StringAnswer } from 'dns-packet';

/** Seconds; short, so that a resolver's cache never outlives a compressed day by much. */
const TTL = 60;

export interface ZoneAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL';
  readonly answers: readonly Answer[];
  /** DNSSEC vouches for it: what a validating resolver would say. */
  readonly authentic?: boolean;
}

export class Zone {
  readonly #records = new Map<string, Answer[]>();
  /** Names with something below them: they exist although they have no records (RFC 8020 §2). */
  readonly #parents = new Set<string>();
  /** Names whose answers a validating resolver would vouch for. */
  readonly #signed = new Set<string>();
  /** Names for which no server gives an answer. */
  readonly #failing = new Set<string>();
  /** Zones that change as the world goes on: somebody is asked each time. */
  readonly #delegated = new Map<string, (question: Question) => ZoneAnswer>();

  /** From now on `answer` speaks for this name and all below it. */
  delegate(suffix: string, answer: (question: Question) => ZoneAnswer): void {
    this.#delegated.set(suffix.toLowerCase(), answer);
  }

  addAddress(name: string, ip: string): void {
    this.#add({ type: 'A', name, ttl: TTL, data: ip });
  }

  addMx(domain: string, exchange: string, preference: number): void {
    this.#add({ type: 'MX', name: domain, ttl: TTL, data: { exchange, preference } });
  }

  /** A longer text is several strings of at most 255 bytes (RFC 1035 §3.3.14). */
  addText(name: string, text: string): void {
    this.#add({ type: 'TXT', name, ttl: TTL, data: text.match(/.{1,255}/gs) ?? [''] });
  }

  addAlias(name: string, target: string): void {
    this.#add({ type: 'CNAME', name, ttl: TTL, data: target });
  }

  /** A TLSA record (RFC 6698) of a host and port. */
  addTlsa(name: string, usage: number, selector: number, matchingType: number, certificate: Buffer): void {
    this.#add({ type: 'TLSA', name, ttl: TTL, data: { usage, selector, matchingType, certificate } });
  }

  /** From now on DNSSEC vouches for these names. */
  sign(...names: readonly string[]): void {
    for (const name of names) this.#signed.add(name.toLowerCase());
  }

  /** From now on these names are answered with SERVFAIL: what a resolver says of a broken signature, or a dead zone. */
  fail(...names: readonly string[]): void {
    for (const name of names) this.#failing.add(name.toLowerCase());
  }

  /** Forgets all records of a name. */
  remove(name: string): void {
    this.#records.delete(name.toLowerCase());
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
    if (this.#failing.has(name)) return { rcode: 'SERVFAIL', answers: [] };
    for (const [suffix, ask] of this.#delegated) {
      if (name === suffix || name.endsWith(`.${suffix}`)) return ask(question);
    }
    const records = this.#records.get(name);
    const authentic = this.#signed.has(name);
    if (!records) return { rcode: this.#parents.has(name) ? 'NOERROR' : 'NXDOMAIN', answers: [], authentic };
    // dns-packet knows no type 255 by name but decodes it as ANY.
    const wanted = question.type as string;
    // An alias stands alone at its name and answers every question; its target is for the client to ask.
    const fits = (one: Answer) => wanted === 'ANY' || one.type === wanted || one.type === 'CNAME';
    return { rcode: 'NOERROR', answers: records.filter(fits), authentic };
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
