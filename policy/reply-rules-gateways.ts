/**
 * Replies of mail security gateways. Behind one MX they serve many domains, so a refusal is often one customer's rule.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const GATEWAY_RULES: readonly ReplyRule[] = [
  {
    id: 'mimecast-greylist',
    providers: ['mimecast'],
    pattern: /Internal resource temporarily unavailable/i,
    class: 'greylist',
    scope: 'message',
    loose: true,
    example: '451 Internal resource temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451',
  },
  {
    id: 'proofpoint-blocked',
    providers: ['proofpoint'],
    pattern: /^5\d\d .{0,300}(dnsbl-lookup|ipcheck\.proofpoint)/i,
    class: 'block',
    scope: 'ip',
    example: '550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1',
  },
  {
    id: 'proofpoint-reputation',
    providers: ['proofpoint'],
    pattern: /Dynamic reputation/i,
    class: 'reputation',
    scope: 'ip',
    example: '421 4.7.0 Deferred - see https://ipcheck.proofpoint.com/?ip=192.0.2.1 Dynamic reputation',
  },
  {
    id: 'proofpoint-content',
    providers: ['proofpoint'],
    pattern: /Message rejected for spam or virus content/i,
    class: 'content',
    scope: 'message',
    example:
      '554 5.7.1 Message rejected for spam or virus content - Please include this entire message when contacting support',
  },
  {
    id: 'mimecast-blocked-senders',
    providers: ['mimecast'],
    pattern:
      /header based (manually )?blocked senders|manually blocked|envelope (blocked|rejected)|anti-?spoofing policy/i,
    class: 'policy',
    scope: 'domain',
    example:
      '550 Rejected by header based manually Blocked Senders: user@example.com - https://community.mimecast.com/docs/DOC-1369#550',
  },
  {
    id: 'mimecast-policy',
    providers: ['mimecast'],
    pattern: /rejected due to security polic/i,
    class: 'policy',
    scope: 'message',
    example: '554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554',
  },
  {
    id: 'mimecast-reputation',
    providers: ['mimecast'],
    pattern: /csi\.mimecast\.org|local CT IP reputation/i,
    class: 'block',
    scope: 'ip',
    example: '550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550',
  },
  {
    id: 'barracuda-reputation',
    providers: ['barracuda'],
    pattern: /Barracuda Reputation|barracudanetworks\.com\/reputation/i,
    class: 'listing',
    scope: 'ip',
    example:
      '554 Service unavailable; Client host [mail.example.com] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1',
  },
  {
    id: 'barracuda-quarantined',
    providers: ['barracuda'],
    pattern: /\(\S{1,320}:(blocked|quarantined)\)/i,
    class: 'content',
    scope: 'message',
    example: '550 permanent failure for one or more recipients (user@example.com:blocked)',
  },
  {
    id: 'barracuda-recipient',
    providers: ['barracuda'],
    pattern: /\(\S{1,320}:5\d\d[ -].{0,80}(no such user|user unknown|unknown|not exist)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 permanent failure for one or more recipients (user@example.com:550 5.1.1 no such user)',
  },
  {
    id: 'ironport-domain-reputation',
    providers: ['cisco-ironport'],
    pattern: /poor reputation of a domain/i,
    class: 'block',
    scope: 'domain',
    example:
      '554 Your access to this mail system has been rejected due to poor reputation of a domain used in message transfer',
  },
  {
    id: 'ironport-reputation',
    providers: ['cisco-ironport'],
    pattern: /sending MTA.{1,3}s poor reputation|senderbase\.org/i,
    class: 'block',
    scope: 'ip',
    example:
      "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation. If you believe that this failure is in error, please contact the intended recipient via alternate means.",
  },
  {
    id: 'ironport-address',
    providers: ['cisco-ironport'],
    pattern: /#?5\.1\.0 Address rejected/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 #5.1.0 Address rejected.',
  },
  {
    id: 'ironport-submit',
    providers: ['cisco-ironport'],
    pattern: /access to submit messages to this e-?mail system has been rejected/i,
    class: 'policy',
    scope: 'domain',
    example: '550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.',
  },
  {
    id: 'symantec-filtered',
    providers,
    pattern: /Message filtered\b|symanteccloud\.com\/troubleshooting|messagelabs\.com\/support/i,
    class: 'content',
    scope: 'message',
    example:
      '553 Message filtered. Refer to the Troubleshooting page at http://www.symanteccloud.com/troubleshooting for more information. (#5.7.1)',
  },
  {
    id: 'symantec-policy',
    providers,
    pattern: /Connection rejected by policy \[\d/i,
    class: 'block',
    scope: 'ip',
    example:
      '501 Connection rejected by policy [7.7] 38403, please visit www.symanteccloud.com/troubleshoot for more details.',
  },
  {
    id: 'trend-micro',
    providers,
    pattern: /Trend Micro (Email Reputation|RBL)|mail-abuse\.com/i,
    class: 'listing',
    scope: 'ip',
    example:
      '550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Trend Micro Email Reputation Service. Please see http://www.mail-abuse.com/cgi-bin/lookup?ip_address=192.0.2.1',
  },
  {
    id: 'cloudmark',
    providers,
    pattern: /cloudmark.{0,20}csi|csi\.cloudmark|cloudmark sender intelligence/i,
    class: 'block',
    scope: 'ip',
    example: '550 5.7.1 192.0.2.1 rejected: see https://csi.cloudmark.com/en/reset/',
  },
];
