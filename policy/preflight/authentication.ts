/** SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989, before it RFC 7489) of the domains mail is sent from. */
import { type Check, fail, pass, unanswered, warn } from './check.ts';

/** What check_host() said (RFC 7208 §2.6). */
export interface SpfFound {
  readonly address: string;
  /** Domain of the envelope sender. */
  readonly domain: string;
  readonly result: 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';
  readonly comment: string;
  /** The record; absent where there is none. */
  readonly record?: string;
}

export function judgeSpf({ address, domain, result, comment, record }: SpfFound): Check {
  const about = `${address} for ${domain}`;
  const add = `add ip4:${address} to the SPF record of ${domain}`;
  switch (result) {
    case 'pass':
      if (/(^|\s)\+?all(\s|$)/i.test(record ?? ''))
        return warn('spf', about, `${record} lets everybody send`, 'end it with ~all or -all: receivers distrust it');
      return pass('spf', about, record ?? 'pass');
    case 'none':
      return fail('spf', about, `${domain} has no SPF record`, `publish v=spf1 ip4:${address} ~all at ${domain}`);
    case 'temperror':
      return unanswered('spf', about, comment);
    case 'permerror':
      return fail('spf', about, `the SPF record can not be evaluated: ${comment}`, `mend the SPF record of ${domain}`);
    default:
      return fail('spf', about, `${result}: the address is not in ${record ?? 'the record'}`, add);
  }
}

export interface DkimFound {
  readonly domain: string;
  readonly keys: readonly {
    readonly selector: string;
    readonly state: 'published' | 'active' | 'retired';
    /** What is wrong with its record, or null. */
    readonly problem: string | null;
    /** DNS did not answer. */
    readonly failed?: string;
  }[];
}

export function judgeDkim({ domain, keys }: DkimFound): Check {
  const live = keys.filter(({ state }) => state !== 'retired');
  if (live.length === 0) return fail('dkim', domain, 'it has no key', `./rampart dkim add ${domain}`);
  const silent = live.find(({ failed }) => failed !== undefined);
  if (silent?.failed !== undefined) return unanswered('dkim', domain, silent.failed);
  // An active key signs whatever DNS says now: a record that went away is worse than one that is not there yet.
  const broken = live.find(({ state, problem }) => state === 'active' && problem !== null);
  const publish = `publish what ./rampart dkim dns ${domain} says`;
  if (broken !== undefined) return fail('dkim', domain, `key ${broken.selector} signs, and ${broken.problem}`, publish);
  const good = live.filter(({ problem }) => problem === null);
  if (good.length === 0) return fail('dkim', domain, `key ${live[0]?.selector}: ${live[0]?.problem}`, publish);
  const signing = good.filter(({ state }) => state === 'active');
  const names = good.map(({ selector }) => selector).join(', ');
  if (signing.length === 0)
    return warn('dkim', domain, `${names} is in DNS and does not sign yet`, 'wait: an MTA process looks every minute');
  return pass('dkim', domain, `${names} in DNS as it signs`);
}

export interface DmarcFound {
  readonly domain: string;
  /** The policy that applies; null: no record. */
  readonly policy: string | null;
  readonly aligned: { readonly dkim: boolean; readonly spf: boolean };
  readonly failed?: string;
}

export function judgeDmarc({ domain, policy, aligned, failed }: DmarcFound): Check {
  if (failed !== undefined) return unanswered('dmarc', domain, failed);
  if (policy === null)
    return fail(
      'dmarc',
      domain,
      'it has no DMARC record',
      `publish "v=DMARC1; p=none; rua=mailto:…" at _dmarc.${domain}: Google, Yahoo and Microsoft ask bulk senders for one`,
    );
  if (!aligned.dkim && !aligned.spf)
    return fail(
      'dmarc',
      domain,
      `p=${policy}, and neither signature nor return path is of the domain`,
      `./rampart dkim add ${domain}, or set mta.bounceDomain to a subdomain of it`,
    );
  const by = [aligned.dkim ? 'DKIM' : '', aligned.spf ? 'SPF' : ''].filter(Boolean).join(' and ');
  return pass('dmarc', domain, `p=${policy}, aligned by ${by}`);
}
