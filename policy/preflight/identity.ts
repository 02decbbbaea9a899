/**
 * The names of an address: its PTR must be there and lead back to it (forward-confirmed reverse DNS, asked for by Google and
 * by most receivers), and the name it greets with must be that name (RFC 5321 §4.1.1.1 wants one that resolves).
 */
import { type Check, fail, type Lookup, pass, unanswered, warn } from './check.ts';

export interface Names {
  readonly address: string;
  readonly ehloName: string;
  readonly ptr: Lookup;
  /** Addresses of every PTR name, and of the EHLO name. */
  readonly forward: Readonly<Record<string, Lookup>>;
}

export function judgePtr({ address, ehloName, ptr, forward }: Names): Check {
  if (ptr.kind === 'failed') return unanswered('ptr', address, ptr.why);
  const ask = `ask whoever gave you the address to set its PTR to ${ehloName}`;
  if (ptr.kind === 'none') return fail('ptr', address, 'it has no PTR record', ask);
  const [name = '', ...more] = ptr.values.map(lower);
  const back = ptr.values.filter((one) => leadsTo(forward[lower(one)], address));
  if (back.length === 0) {
    const said = ptr.values.map((one) => `${one} (${forwardText(forward[lower(one)])})`).join(', ');
    const broken = ptr.values.map((one) => forward[lower(one)]).find((one) => one?.kind === 'failed');
    if (broken?.kind === 'failed') return unanswered('ptr', address, broken.why);
    return fail(
      'ptr',
      address,
      `its PTR does not lead back to it: ${said}`,
      `add an A record ${name} ${address}, or ${ask}`,
    );
  }
  if (more.length > 0)
    return warn(
      'ptr',
      address,
      `it has ${ptr.values.length} PTR records`,
      `leave one, ${ehloName}: receivers take any of them`,
    );
  if (isGeneric(name, address))
    return warn('ptr', address, `${name} looks like a dialup's name: it has the address in it`, ask);
  return pass('ptr', address, `${name} and back`);
}

export function judgeEhlo({ address, ehloName, ptr, forward }: Names): Check {
  const name = lower(ehloName);
  const found = forward[name];
  if (found === undefined || found.kind === 'none')
    return fail('ehlo', address, `${ehloName} has no address`, `add an A record ${ehloName} ${address}`);
  if (found.kind === 'failed') return unanswered('ehlo', address, found.why);
  if (!leadsTo(found, address))
    return fail(
      'ehlo',
      address,
      `${ehloName} leads to ${found.values.join(', ')}`,
      `add an A record ${ehloName} ${address}, or give the address its own ehloName`,
    );
  if (ptr.kind === 'found' && !ptr.values.map(lower).includes(name))
    return warn(
      'ehlo',
      address,
      `it greets as ${ehloName}, and its PTR is ${ptr.values.join(', ')}`,
      'make them the same name: receivers compare them',
    );
  return pass('ehlo', address, `${ehloName} leads to it`);
}

function leadsTo(lookup: Lookup | undefined, address: string): boolean {
  return lookup?.kind === 'found' && lookup.values.includes(address);
}

function forwardText(lookup: Lookup | undefined): string {
  return lookup?.kind === 'found' ? lookup.values.join(', ') : 'no address';
}

/** Two of the address's numbers in a name are how providers name lines they have not been asked about. */
function isGeneric(name: string, address: string): boolean {
  const octets = address.split('.');
  const numbers: string[] = name.match(/\d+/g) ?? [];
  return address.includes('.') && octets.every((octet) => numbers.map(Number).includes(Number(octet)));
}

function lower(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
