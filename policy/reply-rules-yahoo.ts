/** Replies of Yahoo (with AOL and the domains it hosts) and of Yahoo Japan. The bracketed token is what lasts. */
import type { ReplyRule } from './reply-rules.ts';

const providers = ['yahoo'];
const withJapan = ['yahoo', 'yahoo-jp'];

export const YAHOO_RULES: readonly ReplyRule[] = [
  {
    id: 'yahoo-permanent',
    providers,
    pattern: /\[TSS(09|11)\]/,
    class: 'block',
    scope: 'ip',
    laneFatal: true,
    example: '553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.',
  },
  {
    id: 'yahoo-ts03',
    providers,
    pattern: /\[TSS?03\]/,
    class: 'block',
    scope: 'ip',
    laneFatal: true,
    example: '421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.',
  },
  {
    id: 'yahoo-complaints',
    providers,
    pattern: /\[TS02\]/,
    class: 'throttle',
    scope: 'ip',
    example: '421 4.7.0 [TS02] Messages from 192.0.2.1 temporarily deferred due to user complaints.',
  },
  {
    // Also said of mail without authentication: readers look at SPF and DKIM before they blame the address.
    id: 'yahoo-volume',
    providers: withJapan,
    pattern: /\[(TS0[14567]|TSS0[124567]|IPTS0[45])\]/,
    class: 'reputation',
    scope: 'ip',
    example:
      '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints.',
  },
  {
    id: 'yahoo-jp-deferred',
    providers: ['yahoo-jp'],
    pattern: /VS98-IP\d deferred/i,
    class: 'reputation',
    scope: 'ip',
    example: '451 VS98-IP0 deferred - see https://support.yahoo-net.jp/',
  },
  {
    id: 'yahoo-listed',
    providers,
    pattern: /\[BL2[123]\]|not accepted from IP addresses on Spamhaus/i,
    class: 'listing',
    scope: 'ip',
    example: "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list.",
  },
  {
    id: 'yahoo-auth',
    providers,
    pattern: /5\.7\.9 .{0,300}authenticate with either SPF or DKIM/i,
    class: 'auth',
    scope: 'domain',
    example:
      '550 5.7.9 This mail has been blocked because the sender is unauthenticated; authenticate with either SPF or DKIM.',
  },
  {
    id: 'yahoo-policy',
    providers,
    pattern: /\[PH01\]|5\.7\.9 .{0,300}policy reasons/i,
    class: 'policy',
    scope: 'message',
    example: '554 Message not allowed - [PH01] Email not accepted for policy reasons.',
  },
  {
    id: 'yahoo-per-connection',
    providers,
    pattern: /Max message per connection reached/i,
    class: 'throttle',
    scope: 'ip',
    example: '421 Max message per connection reached, closing transmission channel',
  },
  {
    id: 'yahoo-sender-domain',
    providers,
    pattern: /unresolvable RFC.?5321/i,
    class: 'identity',
    scope: 'domain',
    example: '451 Message temporarily deferred due to unresolvable RFC.5321 from domain.',
  },
];
