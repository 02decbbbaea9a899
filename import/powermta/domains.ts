/**
 * Which `<domain>` blocks speak for a domain, and in which order. The most special one wins wherever it stands in the
 * file, and what it leaves out comes from the more general ones (user's guide, 3.2.5 and 3.3.10).
 */
import { domainToASCII } from 'node:url';

export interface DomainPattern {
  readonly kind: 'all' | 'domain' | 'below' | 'domain-and-below' | 'address' | 'internal';
  /** Lower case, ASCII; '' for all. */
  readonly name: string;
  /** It came out of a macro: a domain that is written out wins over it. */
  readonly listed: boolean;
}

/** `*`, `example.com`, `*.example.com`, `[*.]example.com`, `[10.0.0.1/24]`, `{queue}`; undefined for anything else. */
export function patternOf(text: string, listed = false): DomainPattern | undefined {
  const given = text.trim().toLowerCase();
  if (given === '*') return { kind: 'all', name: '', listed };
  if (/^\{[a-z0-9._-]+\}$/.test(given)) return { kind: 'internal', name: given, listed };
  if (/^\[[0-9a-f.:]+(\/\d+)?\]$/.test(given)) return { kind: 'address', name: given.slice(1, -1), listed };
  const kind = given.startsWith('[*.]') ? 'domain-and-below' : given.startsWith('*.') ? 'below' : 'domain';
  const bare = given.replace(/^(\[\*\.\]|\*\.)/, '');
  const name = domainToASCII(bare) || bare;
  return /^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.?$/.test(name)
    ? { kind, name: name.replace(/\.$/, ''), listed }
    : undefined;
}

export function matches(pattern: DomainPattern, domain: string): boolean {
  const name = domain.toLowerCase().replace(/\.$/, '');
  switch (pattern.kind) {
    case 'all':
      return true;
    case 'domain':
      return name === pattern.name;
    case 'below':
      return name.endsWith(`.${pattern.name}`);
    case 'domain-and-below':
      return name === pattern.name || name.endsWith(`.${pattern.name}`);
    case 'internal':
      return name === pattern.name;
    case 'address':
      return name === `[${pattern.name}]`;
  }
}

/** The higher, the more special. A longer suffix beats a shorter one, a domain beats every wildcard. */
export function specificity(pattern: DomainPattern): number {
  if (pattern.kind === 'all') return 0;
  if (pattern.kind === 'below' || pattern.kind === 'domain-and-below')
    return 10 + Math.min(900, pattern.name.split('.').length);
  return pattern.listed ? 1_000 : 1_001;
}

/** A domain for which the pattern speaks: for asking what settings it leads to. */
export function exampleOf(pattern: DomainPattern): string {
  if (pattern.kind === 'all') return '*';
  return pattern.kind === 'below' ? `any.${pattern.name}` : pattern.name;
}
