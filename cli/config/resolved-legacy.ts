/** Feeds of other engines as the intake uses them: paths absolute, secrets read. What is wrong with them joins the problems. */
import path from 'node:path';
import type { FeedSettings, LegacyListener, WebhookProof } from '../../legacy/settings.ts';
import { sendGridKey } from '../../legacy/webhook/sendgrid.ts';
import type { Problem } from './problems.ts';
import type { EventReaders } from './resolved-events.ts';
import type { CheckedLegacy } from './schema-legacy.ts';

export interface ResolvedLegacy {
  readonly listener?: LegacyListener;
  readonly feeds: readonly FeedSettings[];
}

type CheckedFeed = CheckedLegacy['feeds'][string];

/** `folder`: what paths are relative to; `upstreams`: pools another engine sends. Adds to `problems` what is wrong. */
export function resolveLegacy(
  given: CheckedLegacy,
  upstreams: readonly string[],
  folder: string,
  read: EventReaders,
  problems: Problem[],
): ResolvedLegacy {
  const feeds = Object.entries(given.feeds).map(([name, feed]): FeedSettings => {
    const at = ['legacy', 'feeds', name];
    const webhook = proofOf(feed, at, read, problems);
    const files = 'files' in feed ? feed.files.map((one) => path.resolve(folder, one)) : [];
    if (files.length === 0 && webhook === undefined)
      problems.push({ path: at, says: 'nothing can arrive: give it files, or a secret for its webhook' });
    if (webhook !== undefined && given.listener === undefined)
      problems.push({ path: ['legacy', 'listener'], says: `expected a listener: feed "${name}" has a webhook` });
    for (const pool of feed.pools ?? [])
      if (!upstreams.includes(pool))
        problems.push({
          path: [...at, 'pools'],
          says: `"${pool}" is no pool with an upstream: ${upstreams.length === 0 ? 'there is none' : `use ${upstreams.join(', ')}`}`,
        });
    return {
      name,
      format: feed.format,
      ...(feed.pools && { pools: feed.pools }),
      files,
      ...('timeZone' in feed && { timeZone: feed.timeZone }),
      ...('mapping' in feed && { mapping: feed.mapping }),
      ...(webhook && { webhook }),
    };
  });
  const { listener } = given;
  if (listener === undefined) return { feeds };
  const { host, port, tls } = listener;
  if (tls === undefined && !/^(localhost|127(\.\d+){3}|::1)$/.test(host))
    problems.push({
      path: ['legacy', 'listener', 'tls'],
      says: 'expected a certificate: off loopback, secrets and events would go in clear',
    });
  const file = (key: 'cert' | 'key', named: string) => read.file(named, ['legacy', 'listener', 'tls', key]);
  return {
    feeds,
    listener: { host, port, ...(tls && { tls: { cert: file('cert', tls.cert), key: file('key', tls.key) } }) },
  };
}

function proofOf(
  feed: CheckedFeed,
  at: readonly PropertyKey[],
  read: EventReaders,
  problems: Problem[],
): WebhookProof | undefined {
  switch (feed.format) {
    case 'ses':
      return { kind: 'sns', topics: feed.topics };
    case 'sendgrid': {
      const publicKey = read.secret(feed.publicKey, [...at, 'publicKey']);
      try {
        // A missing environment variable has its problem already.
        if (publicKey !== '') sendGridKey(publicKey);
      } catch (error) {
        problems.push({ path: [...at, 'publicKey'], says: (error as Error).message });
      }
      return { kind: 'sendgrid', publicKey };
    }
    case 'mailgun':
      return { kind: 'mailgun', signingKey: read.secret(feed.signingKey, [...at, 'signingKey']) };
    case 'kumomta':
    case 'json':
      return feed.secret === undefined
        ? undefined
        : { kind: 'secret', secret: read.secret(feed.secret, [...at, 'secret']) };
    default:
      return undefined;
  }
}
