/**
 * Replies of any provider: what no list of its own takes. Wide patterns, so none is lane-fatal, and the ones that kill a
 * recipient need words that can mean nothing else.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const ANY_RULES: readonly ReplyRule[] = [
  {
    id: 'any-permanent-deferral',
    providers,
    pattern: /All messages from .* permanently deferred/i,
    class: 'block',
    scope: 'ip',
    example: '421 All messages from 192.0.2.1 will be permanently deferred',
  },
  {
    id: 'any-reputation',
    providers,
    pattern:
      /Messages from \[?[\da-f.:]+\]? (were |was |are )?(temporarily deferred|weren.t sent)|rate limited due to IP reputation|Server busy\. Please try again later from/i,
    class: 'reputation',
    scope: 'ip',
    example: '421 4.7.0 Messages from 192.0.2.1 temporarily deferred',
  },
  {
    id: 'any-url-listed',
    providers,
    pattern: /\b(surbl|uribl)\b/i,
    class: 'listing',
    scope: 'url',
    example: '550 5.7.1 Message contains a URL listed by multi.surbl.org',
  },
  {
    id: 'any-domain-listed',
    providers,
    pattern: /\bdbl\.spamhaus|spamhaus DBL\b|spamhaus\.org\/query\/(dbl|domain)/i,
    class: 'listing',
    scope: 'domain',
    example: '554 5.7.1 Sender blocked using dbl.spamhaus.org; https://www.spamhaus.org/query/domain/example.com',
  },
  {
    // The policy list holds ranges whose owner says they send no mail: a matter of readiness, not of reputation.
    id: 'any-policy-listed',
    providers,
    pattern: /\bpbl\b/i,
    class: 'identity',
    scope: 'ip',
    example: '550 5.7.1 Client host [192.0.2.1] blocked using pbl.spamhaus.org',
  },
  {
    id: 'any-listed',
    providers,
    pattern: /\b(spamhaus|sbl|xbl|barracudacentral|spamcop|sorbs|uceprotect\w*|dnsbl|rbl)\b/i,
    class: 'listing',
    scope: 'ip',
    example: '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
  },
  {
    id: 'any-greylist',
    providers,
    pattern: /^4.*gr[ae]y[- ]?list|^4\d\d 4\.7\.1 .*try again in \d+/i,
    class: 'greylist',
    scope: 'message',
    example: '451 4.7.1 Greylisting in action, please come back later',
  },
  {
    id: 'any-connections',
    providers,
    pattern: /too many (concurrent |simultaneous |open )?(smtp )?(connections|sessions)/i,
    class: 'throttle',
    scope: 'ip',
    example: '421 4.7.0 Too many concurrent connections from your host',
  },
  {
    // Some say it with 550: the mailbox is busy, not dead.
    id: 'any-mailbox-rate',
    providers,
    pattern: /receiving mail (at a rate|too quickly)/i,
    class: 'recipient',
    scope: 'recipient',
    temporary: true,
    example:
      '450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages.',
  },
  {
    id: 'any-rate',
    providers,
    pattern:
      /too many (messages|mails|emails)|\b(rate|sending|message|hourly|daily) limit (was |has been )?(exceeded|reached)/i,
    class: 'throttle',
    scope: 'ip',
    example: '450 4.7.0 Message limit exceeded for 192.0.2.1, slow down',
  },
  {
    id: 'any-sender-domain',
    providers,
    pattern: /sender (address|domain).{0,80}(not found|does(n.t| not) (exist|resolve)|rejected|verify)/i,
    class: 'identity',
    scope: 'domain',
    example: '450 4.1.8 <bounce@mail.example>: Sender address rejected: Domain not found',
  },
  {
    id: 'any-ptr',
    providers,
    pattern: /\breverse[- ](dns|hostname|lookup)|\b(rdns|fcrdns)\b|\bPTR\b/i,
    class: 'identity',
    scope: 'ip',
    example: '450 4.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]',
  },
  {
    id: 'any-tls',
    providers,
    pattern: /must issue a STARTTLS|\b(TLS|encryption) (is )?required/i,
    class: 'identity',
    scope: 'ip',
    example: '530 5.7.0 Must issue a STARTTLS command first',
  },
  {
    id: 'any-auth',
    providers,
    pattern: /\bDMARC\b|\b(SPF|DKIM)\b.{0,60}\b(fail|invalid|missing|not pass|did not|required)/i,
    class: 'auth',
    scope: 'domain',
    example: '550 5.7.1 Unauthenticated email from example.com is not accepted due to its DMARC policy',
  },
  {
    id: 'any-mailbox-full',
    providers,
    pattern: /\bover ?quota\b|(mailbox|inbox|storage).{0,40}\b(full|quota|exceeded)\b|^\d+ [45]\.2\.2 /i,
    class: 'mailbox-full',
    scope: 'recipient',
    example: '552 5.2.2 The email account that you tried to reach is over quota',
  },
  {
    id: 'any-no-recipient',
    providers,
    pattern:
      /^\d+ [45]\.1\.1 |\b(user|recipient|mailbox) (is )?unknown\b|\bunknown (user|recipient|mailbox)\b|\bno such (user|recipient|mailbox)\b|\b(user|recipient|mailbox|account)\b.{0,40}\b(not found|does(n.t| not) exist)|does(n.t| not) have an? .{0,40}account/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 5.1.1 <gone@example.com>: Recipient address rejected: User unknown in virtual mailbox table',
  },
  {
    id: 'any-blocked',
    providers,
    pattern:
      /\b(ip|client|host|server|\d+\.\d+\.\d+\.\d+)\b.{0,60}\b(blocked|banned|(black|block|deny)listed|poor reputation|bad reputation)\b/i,
    class: 'block',
    scope: 'ip',
    example: '554 5.7.1 Your IP address 192.0.2.1 is blocked by our administrator',
  },
  {
    id: 'any-content',
    providers,
    pattern: /\b(spam|virus|malware|phishing|content rejected|content filter)\b/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 This message has been rejected as spam',
  },
];
