/**
 * Providers: groups of MX hosts under one policy. A provider limits by the hosts that take the mail, not by the domain
 * in the address (Google says so in its guidelines), so the MX decides; the recipient's domain is never looked at.
 */

export interface MxRecord {
  readonly exchange: string;
  readonly priority: number;
}

export interface Provider {
  readonly key: string;
  /** Lower-case host suffixes, matched on label boundaries. */
  readonly suffixes: readonly string[];
  /** How the provider tells of complaints: a report per message (ARF), rates of a domain, or not at all. */
  readonly feedbackLoop: 'arf' | 'aggregate' | 'none';
  /** Bound on daily growth where complaints cannot be seen, whatever the ceiling. */
  readonly maxGrowth?: number;
}

/** The largest ones first; `other` is everything that no entry names. */
export const PROVIDERS: readonly Provider[] = [
  { key: 'google', suffixes: ['google.com', 'googlemail.com'], feedbackLoop: 'aggregate' },
  { key: 'microsoft-consumer', suffixes: ['olc.protection.outlook.com'], feedbackLoop: 'arf' },
  {
    key: 'microsoft-365',
    suffixes: ['mail.protection.outlook.com', 'mx.microsoft', 'mail.eo.outlook.com'],
    feedbackLoop: 'none',
    maxGrowth: 1.25,
  },
  // yahoo.co.jp is another company with other limits; its hosts do not end in yahoodns.net.
  { key: 'yahoo', suffixes: ['yahoodns.net'], feedbackLoop: 'arf' },
  { key: 'yahoo-jp', suffixes: ['yahoo.co.jp'], feedbackLoop: 'none' },
  { key: 'apple', suffixes: ['icloud.com'], feedbackLoop: 'none', maxGrowth: 1.25 },
  { key: 'gmx-webde', suffixes: ['gmx.net', 'web.de'], feedbackLoop: 'none' },
  { key: 'comcast', suffixes: ['comcast.net'], feedbackLoop: 'arf' },
  { key: 'charter', suffixes: ['charter.net'], feedbackLoop: 'none' },
  { key: 'cox', suffixes: ['cox.net'], feedbackLoop: 'none' },
  { key: 'orange', suffixes: ['orange.fr', 'laposte.net', 'wanadoo.fr'], feedbackLoop: 'none' },
  {
    key: 'mimecast',
    suffixes: ['mimecast.com', 'mimecast.co.za', 'mimecast-offshore.com'],
    feedbackLoop: 'none',
  },
  { key: 'proofpoint', suffixes: ['pphosted.com', 'ppe-hosted.com'], feedbackLoop: 'none' },
  { key: 'barracuda', suffixes: ['barracudanetworks.com'], feedbackLoop: 'none' },
  { key: 'cisco-ironport', suffixes: ['iphmx.com'], feedbackLoop: 'none' },
  { key: 'godaddy', suffixes: ['secureserver.net'], feedbackLoop: 'none' },
  { key: 'tencent', suffixes: ['qq.com'], feedbackLoop: 'none' },
  { key: 'netease', suffixes: ['netease.com'], feedbackLoop: 'none' },
  { key: 'kpn', suffixes: ['kpnmail.nl'], feedbackLoop: 'none' },
  { key: 'netvigator', suffixes: ['netvigator.com'], feedbackLoop: 'none' },
  { key: 'docomo', suffixes: ['docomo.ne.jp'], feedbackLoop: 'none' },
  { key: 'kddi', suffixes: ['ezweb.ne.jp'], feedbackLoop: 'none' },
  { key: 'zoho', suffixes: ['zoho.com', 'zoho.eu', 'zoho.in'], feedbackLoop: 'none' },
  { key: 'mail-ru', suffixes: ['mail.ru'], feedbackLoop: 'none' },
  { key: 'yandex', suffixes: ['yandex.net'], feedbackLoop: 'none' },
  { key: 'ionos', suffixes: ['kundenserver.de', 'ionos.com'], feedbackLoop: 'none' },
  { key: 'ovh', suffixes: ['mail.ovh.net'], feedbackLoop: 'none' },
  { key: 'libero', suffixes: ['libero.it'], feedbackLoop: 'none' },
  { key: 'seznam', suffixes: ['seznam.cz'], feedbackLoop: 'none' },
];

/**
 * The provider behind an MX answer; `other` when none is known. Only hosts of the lowest preference count. If they
 * belong to different providers, or one of them to none, the answer is `other`: else whoever owns a domain could add
 * one host of a large provider and have its mail charged to that provider's lanes.
 */
export function providerOf(mx: readonly MxRecord[]): string {
  const lowest = Math.min(...mx.map((record) => record.priority));
  const keys = new Set(mx.filter((record) => record.priority === lowest).map((record) => keyOf(record.exchange)));
  const [key] = keys;
  return keys.size === 1 && key !== undefined ? key : 'other';
}

/** Does the provider report complaints message by message? Unknown providers do not. */
export function hasComplaintFeed(provider: string): boolean {
  return PROVIDERS.some((candidate) => candidate.key === provider && candidate.feedbackLoop === 'arf');
}

function keyOf(exchange: string): string {
  const host = exchange.toLowerCase().replace(/\.$/, '');
  const matches = (suffix: string) => host === suffix || host.endsWith(`.${suffix}`);
  return PROVIDERS.find((provider) => provider.suffixes.some(matches))?.key ?? 'other';
}
