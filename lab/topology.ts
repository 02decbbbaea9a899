/** Where things are: every MX host gets a loopback address, and the zone says so. */
import type { Blocklists } from './blocklists.ts';
import { Zone } from './dns-zone.ts';
import { dnsblAnswer } from './dnsbl-zone.ts';
import type { Scenario } from './scenario.ts';

/** A sending address of the guest and its name, so that its forward-confirmed reverse DNS holds. */
export interface SenderHost {
  readonly ip: string;
  readonly name: string;
}

/** A domain whose mail the guest takes itself: return paths, to which bounces go. */
export interface MailHost {
  readonly domain: string;
  readonly ip: string;
  /** DNS can not tell it; the lab must know. */
  readonly port: number;
}

export interface MxHost {
  readonly name: string;
  readonly ip: string;
  readonly preference: number;
}

/** The MX hosts of provider number `index` (from 0): 127.20.<index + 1>.<1, 2, …>. */
export function mxHostsOf(scenario: Scenario, index: number): MxHost[] {
  const names = scenario.providers[index]?.mx ?? [];
  return names.map((name, at) => ({ name, ip: `127.20.${index + 1}.${at + 1}`, preference: (at + 1) * 10 }));
}

/** All that the world's DNS knows. */
export function zoneOf(
  scenario: Scenario,
  senders: readonly SenderHost[],
  mailHosts: readonly MailHost[] = [],
  blocklists?: Blocklists,
): Zone {
  const zone = new Zone();
  scenario.providers.forEach((provider, index) => {
    const hosts = mxHostsOf(scenario, index);
    for (const { name, ip } of hosts) zone.addHost(name, ip);
    for (const domain of provider.domains) {
      zone.addText(domain, 'v=spf1 -all');
      for (const { name, preference } of hosts) zone.addMx(domain, name, preference);
    }
  });
  for (const { name, ip } of senders) zone.addHost(name, ip);
  for (const { domain, ip } of mailHosts) {
    zone.addMx(domain, `mx.${domain}`, 10);
    zone.addAddress(`mx.${domain}`, ip);
  }
  for (const spec of blocklists?.specs ?? []) {
    zone.delegate(spec.zone, (question) => dnsblAnswer(blocklists as Blocklists, spec, question));
  }
  return zone;
}
