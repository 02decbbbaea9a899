/** Puts together what delivery needs beside lanes: resolver, transport security, keys; and the chores that keep them current. */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Store } from '../store/connect.ts';
import type { SessionParts } from './egress/sessions.ts';
import { MailResolver, type OwnPlaces } from './routing/resolver.ts';
import type { MtaSettings } from './settings.ts';
import { KeyRing } from './signing/key-ring.ts';
import { lookForPublished } from './signing/publication.ts';
import { Signer } from './signing/signer.ts';
import { Dane } from './transport-security/dane.ts';
import { OPPORTUNISTIC, TransportSecurity } from './transport-security/destination.ts';
import { StsPolicies } from './transport-security/sts.ts';
import { fetchStsPolicy } from './transport-security/sts-fetch.ts';

export type DeliveryParts = Pick<SessionParts, 'resolver' | 'security' | 'authorities'> & { readonly signer: Signer };

export interface Delivery extends DeliveryParts {
  readonly chores: readonly { readonly everyMs: number; readonly work: () => Promise<unknown> }[];
}

/** Below a minute: a rotation is in force everywhere long before anybody could take the old record away. */
const KEYS_EVERY_MS = 5_000;
const PUBLISHED_EVERY_MS = 15_000;

/** Reads keys and prepares caches. Rejects with what to do when a key file is wrong. */
export async function startDelivery(settings: MtaSettings, store: Store): Promise<Delivery> {
  const { delivery, log } = settings;
  const monotonic = () => performance.now();
  const resolver = new MailResolver(settings.resolvers, monotonic, {
    trustAd: delivery?.trustAd,
    own: ownPlaces(settings),
  });
  const dane =
    delivery?.dane === true
      ? new Dane({
          dns: resolver.dns,
          hostAddresses: (host) => resolver.hostAddresses(host),
          port: settings.smtpPort,
          clock: monotonic,
        })
      : null;
  const security = new TransportSecurity(delivery?.tls ?? OPPORTUNISTIC, stsOf(settings, store, resolver), dane);

  const files = await Promise.all(
    (delivery?.dkim.files ?? []).map(async ({ file, ...name }) => ({ ...name, pem: await readFile(file, 'utf8') })),
  );
  const ring = new KeyRing({ db: store, files, sealKey: delivery?.dkim.sealKey, log });
  await ring.enlist();
  await ring.refresh();
  const platform = delivery?.dkim.alsoSign ?? {};
  const signer = new Signer({ ring, platformDomain: (pool) => platform[pool], clock: () => Date.now() });
  const refreshKeys = async () => {
    if (await ring.refresh()) signer.forget();
  };
  const texts = async (name: string) => (await resolver.texts(name)).texts;
  const lookForKeys = async () => {
    if ((await lookForPublished({ store, texts, log })) > 0) await refreshKeys();
  };
  return {
    resolver,
    security,
    authorities:
      delivery?.ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, delivery.ca] }),
    signer,
    chores: [
      { everyMs: KEYS_EVERY_MS, work: refreshKeys },
      { everyMs: PUBLISHED_EVERY_MS, work: lookForKeys },
    ],
  };
}

function stsOf({ delivery, log }: MtaSettings, store: Store, resolver: MailResolver): StsPolicies | null {
  if (delivery === undefined || delivery.sts === false) return null;
  const { port = 443, ca } = delivery.sts;
  const addressesOf = (host: string) => resolver.addressesOf(host);
  return new StsPolicies({
    db: store,
    texts: (name) => resolver.texts(name),
    fetch: (domain) => fetchStsPolicy(domain, { port, ca, addressesOf }),
    clock: () => Date.now(),
    log,
  });
}

/** Where this node takes mail itself: an MX that leads there is a loop, if it is the port we would connect to. */
function ownPlaces({ hostname, inbound, submission, injection, smtpPort }: MtaSettings): OwnPlaces {
  const listeners = [inbound, submission, ...(injection?.listeners ?? [])];
  const addresses = listeners.flatMap((listener) => {
    if (listener?.port !== smtpPort) return [];
    return listener.host === '0.0.0.0' || listener.host === '::' ? everyAddress() : [listener.host];
  });
  return { names: [hostname.toLowerCase()], addresses };
}

function everyAddress(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}
