/** What the intake is told of the feeds: everything read and resolved. */
import type { FormatSettings } from '../import/outcomes/formats.ts';

/** How a webhook proves that it is who it says: by its own scheme, or by a secret that both know. */
export type WebhookProof =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'sns'; readonly topics: readonly string[] }
  | { readonly kind: 'sendgrid'; readonly publicKey: string }
  | { readonly kind: 'mailgun'; readonly signingKey: string };

export interface FeedSettings extends FormatSettings {
  readonly name: string;
  /** Upstream pools it tells of; absent: all. */
  readonly pools?: readonly string[];
  /** Paths that are followed; their last part may have * and ?. */
  readonly files: readonly string[];
  /** Absent: it takes nothing over HTTP. */
  readonly webhook?: WebhookProof;
}

export interface LegacyListener {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export type Log = (event: string, fields?: Record<string, unknown>) => void;
