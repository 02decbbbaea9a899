/**
 * Reply rules: what providers answer, as data. The first rule that matches wins, so a provider's own rules stand before
 * those for any, and within a list the narrow before the wide. Providers change their wording: a rule matches the code or
 * token that lasts, and the text only where nothing else tells. Repetition is bounded in every pattern, and the text is
 * cut before it meets them: what a reply costs to read does not depend on who wrote it.
 *
 * Sources: the providers' own pages (Google, Yahoo, Microsoft, Apple), and the rule sets that ship with Sisimai, KumoMTA
 * and Momentum.
 */

import type { ReplyClass, ReplyScope } from './replies.ts';
import { ASIA_RULES } from './reply-rules-asia.ts';
import { CONTENT_RULES } from './reply-rules-content.ts';
import { GATEWAY_RULES } from './reply-rules-gateways.ts';
import { GOOGLE_RULES } from './reply-rules-google.ts';
import { LANGUAGE_RULES } from './reply-rules-languages.ts';
import { MICROSOFT_RULES } from './reply-rules-microsoft.ts';
import { RECIPIENT_RULES } from './reply-rules-recipient.ts';
import { REGIONAL_RULES } from './reply-rules-regional.ts';
import { SOURCE_RULES } from './reply-rules-source.ts';
import { TRANSPORT_RULES } from './reply-rules-transport.ts';
import { YAHOO_RULES } from './reply-rules-yahoo.ts';

export interface ReplyRule {
  readonly id: string;
  readonly providers: 'any' | readonly string[];
  /** Tested against "code enhanced-code text" on one line. */
  readonly pattern: RegExp;
  readonly class: ReplyClass;
  /** `named`: the text itself says which identity is meant. */
  readonly scope: ReplyScope | 'named';
  /** One such reply stops the lane. Ignored where the scope turns out to be a domain or a URL. */
  readonly laneFatal?: boolean;
  /** A 5xx of this rule goes away by itself: the message is tried again, its recipient never suppressed. */
  readonly temporary?: boolean;
  /** These words mean this at its providers only: not applied to a reply whose provider nobody knows. */
  readonly loose?: true;
  /** A reply as it comes from the provider; a test proves that this rule, and no earlier one, takes it. */
  readonly example: string;
}

export const REPLY_RULES: readonly ReplyRule[] = [
  ...GOOGLE_RULES,
  ...YAHOO_RULES,
  ...MICROSOFT_RULES,
  ...REGIONAL_RULES,
  ...ASIA_RULES,
  ...GATEWAY_RULES,
  ...SOURCE_RULES,
  ...LANGUAGE_RULES,
  ...RECIPIENT_RULES,
  ...CONTENT_RULES,
  ...TRANSPORT_RULES,
];
