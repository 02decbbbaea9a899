/** Replies of Apple and of the providers of Europe and North America. */
import type { ReplyRule } from './reply-rules.ts';

export const REGIONAL_RULES: readonly ReplyRule[] = [
  {
    id: 'apple-auth',
    providers: ['apple'],
    pattern: /\[HME1\]/,
    class: 'auth',
    scope: 'domain',
    example: '550 5.7.1 [HME1] This message was blocked: SPF and DKIM did not pass.',
  },
  {
    // Comes suddenly and goes again: retried, although some of these answers are 5xx.
    id: 'apple-policy',
    providers: ['apple'],
    pattern: /\[(HM08|CS01|CS02)\]/,
    class: 'policy',
    scope: 'message',
    temporary: true,
    example:
      '550 5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
  },
  {
    id: 'apple-volume',
    providers: ['apple'],
    pattern: /deferred due to excessive volume/i,
    class: 'throttle',
    scope: 'ip',
    loose: true,
    example: '421 4.7.1 Messages to user@icloud.com deferred due to excessive volume. Try again later.',
  },
  {
    id: 'apple-load',
    providers: ['apple'],
    pattern: /^451 4\.7\.1 Service unavailable|\[(BS02|HCM1)\]/i,
    class: 'throttle',
    scope: 'ip',
    loose: true,
    example: '451 4.7.1 Service unavailable - try again later',
  },
  {
    id: 'apple-domain-listed',
    providers: ['apple'],
    pattern: /Spamhaus DBL/i,
    class: 'listing',
    scope: 'domain',
    example: '554 5.7.1 Your message was rejected due to example.com being listed in Spamhaus DBL.',
  },
  {
    id: 'apple-listed',
    providers: ['apple'],
    pattern: /listing in Spamhaus|Blocked - see .{0,300}proofpoint.{0,300}dnsbl/i,
    class: 'listing',
    scope: 'ip',
    loose: true,
    example: '550 5.7.0 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1',
  },
  {
    id: 'comcast-rate',
    providers: ['comcast'],
    pattern: /\bRL0000\d\d\b/,
    class: 'reputation',
    scope: 'ip',
    example:
      '421 4.1.0 192.0.2.1 Throttled - try again later. Please see https://postmaster.comcast.net/smtp-error-codes.php#RL000001',
  },
  {
    id: 'comcast-blocked',
    providers: ['comcast'],
    pattern: /\bBL0000\d\d\b/,
    class: 'block',
    scope: 'ip',
    example:
      '554 5.7.1 192.0.2.1 Comcast block for spam. Please see https://postmaster.comcast.net/smtp-error-codes.php#BL000000',
  },
  {
    id: 'gmx-policy',
    providers: ['gmx-webde'],
    pattern: /Reject due to policy restrictions|policy violations/i,
    class: 'block',
    scope: 'ip',
    loose: true,
    example: '554 Transaction failed. Reject due to policy restrictions.',
  },
  {
    id: 'orange-connections',
    providers: ['orange'],
    pattern: /Trop de connexions/i,
    class: 'throttle',
    scope: 'ip',
    example: '421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration.',
  },
  {
    id: 'orange-refused',
    providers: ['orange'],
    pattern: /Service refuse|blocked for spamming.{0,300}cloudmark/i,
    class: 'block',
    scope: 'ip',
    example: '550 mwinf5c15 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later.',
  },
  {
    // As 5xx the same prefix also stands for unknown recipients and for content.
    id: 'orange-limited',
    providers: ['orange'],
    pattern: /^4\d\d .{0,300}\bOFR_?\d+/,
    class: 'throttle',
    scope: 'ip',
    example: '421 4.3.0 Mail aborted. OFR_104 [104]',
  },
];
