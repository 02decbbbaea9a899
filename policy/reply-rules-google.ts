/** Replies of Google: gmail.com and Workspace share their hosts. Texts: support.google.com/a/answer/3726730. */
import type { ReplyRule } from './reply-rules.ts';

const providers = ['google'];

export const GOOGLE_RULES: readonly ReplyRule[] = [
  {
    id: 'google-same-message-id',
    providers,
    pattern: /^4\d\d 4\.7\.28 .{0,300}same Message-ID/i,
    class: 'policy',
    scope: 'message',
    example:
      '421 4.7.28 Gmail has detected this message exceeded its quota for sending messages with the same Message-ID.',
  },
  {
    id: 'google-rate',
    providers,
    pattern: /^4\d\d 4\.7\.28 .{0,300}unusual (rate|amount) of (unsolicited )?mail/i,
    class: 'reputation',
    scope: 'named',
    example: '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.',
  },
  {
    id: 'google-rate-blocked',
    providers,
    pattern: /^550 5\.7\.28 /,
    class: 'block',
    scope: 'named',
    laneFatal: true,
    example:
      '550 5.7.28 Mail originating from your IP Netblock was blocked due to an unusual rate of unsolicited mail.',
  },
  {
    id: 'google-unusual-rate',
    providers,
    pattern: /^421 4\.7\.0 .{0,300}unusual (rate|amount) of unsolicited mail/i,
    class: 'reputation',
    scope: 'named',
    example:
      '421 4.7.0 [192.0.2.1 15] Our system has detected an unusual rate of unsolicited mail originating from your IP address.',
  },
  {
    id: 'google-unusual-rate-blocked',
    providers,
    pattern: /^550 5\.7\.1 .{0,300}unusual (rate|amount) of unsolicited mail/i,
    class: 'block',
    scope: 'named',
    laneFatal: true,
    example:
      '550 5.7.1 [192.0.2.1 1] Our system has detected an unusual rate of unsolicited mail originating from your IP address.',
  },
  {
    id: 'google-low-reputation',
    providers,
    pattern: /^421 4\.7\.0 .{0,300}very low reputation of the sending (ip address|domain)/i,
    class: 'reputation',
    scope: 'named',
    example: '421 4.7.0 This message is suspicious due to the very low reputation of the sending IP address.',
  },
  {
    id: 'google-low-reputation-blocked',
    providers,
    pattern: /^550 5\.7\.1 .{0,300}very low reputation of the sending (ip address|domain)/i,
    class: 'block',
    scope: 'named',
    laneFatal: true,
    example:
      '550 5.7.1 [192.0.2.1 7] Our system has detected that this message is likely suspicious due to the very low reputation of the sending IP address.',
  },
  {
    id: 'google-ptr',
    providers,
    pattern: /^(421 4\.7\.23|550 5\.7\.25) |^(421 4\.7\.0|550 5\.7\.1) .{0,300}(PTR record|IPv6 sending guidelines)/i,
    class: 'identity',
    scope: 'ip',
    example: '421 4.7.23 The IP address sending this message does not have a PTR record set up.',
  },
  {
    id: 'google-auth',
    providers,
    pattern: /^(421|451|550) [45]\.7\.(24|26|27|30|31|32|33|40) /,
    class: 'auth',
    scope: 'domain',
    example: '550 5.7.26 This mail has been blocked because the sender is unauthenticated. SPF and DKIM did not pass.',
  },
  {
    // The address is of a range that its own network says sends no mail by itself.
    id: 'google-relay-wanted',
    providers,
    pattern: /IP you.{1,3}re using to send mail is not authori[sz]ed/i,
    class: 'identity',
    scope: 'ip',
    example:
      "550 5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to send email directly to our servers. Please use the SMTP relay at your service provider instead.",
  },
  {
    id: 'google-tls',
    providers,
    pattern: /^421 4\.7\.29 |^421 4\.7\.0 .{0,300}TLS required/i,
    class: 'identity',
    scope: 'ip',
    example: '421 4.7.29 This message was sent without TLS, which is required of bulk senders.',
  },
  {
    id: 'google-connections',
    providers,
    pattern: /^421 4\.7\.0 .{0,300}Try again later, closing connection/i,
    class: 'throttle',
    scope: 'ip',
    example: '421 4.7.0 Try again later, closing connection. (EHLO)',
  },
  {
    id: 'google-sender-quota',
    providers,
    pattern: /^550 5\.7\.1 Email quota exceeded|sending (limit|quota) exceeded/i,
    class: 'throttle',
    scope: 'domain',
    example: '550 5.7.1 Email quota exceeded.',
  },
  {
    id: 'google-format',
    providers,
    pattern: /(From|Message-ID|To): header|RFC 5322|not RFC|multiple addresses in From/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 Messages missing a valid address in From: header, or having no From: header, are not accepted.',
  },
  {
    id: 'google-suspicious',
    providers,
    pattern: /Our system has detected that this message(?!.{0,200}very low reputation)/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail.',
  },
];
