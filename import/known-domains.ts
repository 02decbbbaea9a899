/**
 * Recipient domains of the large mailbox providers. Rampart itself goes by MX only (policy/providers.ts); other engines'
 * files name domains, and an import must say which provider is meant without asking DNS. Only domains whose MX has been
 * the provider's for years stand here; for any other the answer is `undefined`.
 */
import { providerOf } from '../policy/providers.ts';

const DOMAINS: Readonly<Record<string, readonly string[]>> = {
  google: ['gmail.com', 'googlemail.com'],
  'microsoft-consumer': ['msn.com', 'windowslive.com', 'passport.com'],
  yahoo: ['ymail.com', 'rocketmail.com', 'aim.com', 'verizon.net', 'netscape.net', 'myyahoo.com'],
  'yahoo-jp': ['yahoo.co.jp'],
  apple: ['icloud.com', 'me.com', 'mac.com'],
  'gmx-webde': ['gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch', 'web.de'],
  comcast: ['comcast.net'],
  charter: ['charter.net'],
  cox: ['cox.net'],
  orange: ['orange.fr', 'wanadoo.fr', 'laposte.net'],
  tencent: ['qq.com', 'foxmail.com'],
  netease: ['163.com', '126.com', 'yeah.net'],
  kpn: ['kpnmail.nl'],
  netvigator: ['netvigator.com'],
  docomo: ['docomo.ne.jp'],
  kddi: ['ezweb.ne.jp', 'au.com'],
  zoho: ['zohomail.com'],
  'mail-ru': ['mail.ru', 'bk.ru', 'inbox.ru', 'list.ru'],
  yandex: ['yandex.ru', 'yandex.com', 'ya.ru'],
  libero: ['libero.it'],
  seznam: ['seznam.cz'],
};

/** Brands that have a domain under many top levels: hotmail.de, yahoo.co.uk, aol.fr. */
const BRANDS: Readonly<Record<string, string>> = {
  hotmail: 'microsoft-consumer',
  outlook: 'microsoft-consumer',
  live: 'microsoft-consumer',
  yahoo: 'yahoo',
  aol: 'yahoo',
};

const BY_DOMAIN = new Map(Object.entries(DOMAINS).flatMap(([key, domains]) => domains.map((domain) => [domain, key])));

/** The provider behind a recipient domain, or undefined when only its MX could tell. */
export function providerOfDomain(domain: string): string | undefined {
  const name = domain.toLowerCase().replace(/\.$/, '');
  const known = BY_DOMAIN.get(name);
  if (known !== undefined) return known;
  // `outlook.com` under a longer name is a host of Microsoft 365 (…protection.outlook.com), not a mailbox domain.
  const [brand = '', ...top] = name.split('.');
  return top.length > 0 && top.length <= 2 && top.every((label) => label.length <= 3) && Object.hasOwn(BRANDS, brand)
    ? BRANDS[brand]
    : undefined;
}

/** The provider of an MX pattern such as `*.google.com` or `.google.com`, or undefined. */
export function providerOfMxPattern(pattern: string): string | undefined {
  const host = pattern
    .toLowerCase()
    .replace(/^\[?\*?\.?\]?/, '')
    .replace(/\.$/, '');
  if (host === '') return undefined;
  const key = providerOf([{ exchange: host, priority: 0 }]);
  return key === 'other' ? undefined : key;
}
