/**
 * What any provider says of who we are: lists, reputation, names, TLS, authentication, and how much we send. Wide patterns,
 * so none is lane-fatal. They stand before what is said of recipients: "sender unknown" must not kill one.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const SOURCE_RULES: readonly ReplyRule[] = [
  {
    // AOL's own codes, which bounces of its years still carry; its 5.2.1 must not kill a recipient.
    id: 'any-aol-blocked',
    providers,
    pattern: /\((CON|RTR|RLY|DNS):\w{1,4}\)/,
    class: 'block',
    scope: 'ip',
    example: '521 5.2.1 : (CON:B1) http://postmaster.info.aol.com/errors/554conb1.html',
  },
  {
    id: 'any-aol-volume',
    providers,
    pattern: /\(DYN:T\d\)/,
    class: 'reputation',
    scope: 'ip',
    example: '421 4.7.1 : (DYN:T1) http://postmaster.info.aol.com/errors/421dynt1.html',
  },
  {
    id: 'any-aol-url',
    providers,
    pattern: /\(HVU:\w{1,4}\)/,
    class: 'listing',
    scope: 'url',
    example: '554 5.7.1 : (HVU:B1) http://postmaster.info.aol.com/errors/554hvub1.html',
  },
  {
    // Barracuda names three reasons in one sentence; the first is the message.
    id: 'any-spam-or-sender',
    providers,
    pattern: /message contains spam or virus or sender is blocked/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 Message contains spam or virus or sender is blocked : mx.example.net',
  },
  {
    id: 'any-permanent-deferral',
    providers,
    pattern: /All messages from .{1,80}permanently deferred/i,
    class: 'block',
    scope: 'ip',
    example: '421 All messages from 192.0.2.1 will be permanently deferred',
  },
  {
    id: 'any-reputation-refused',
    providers,
    pattern: /^5\d\d .{0,200}(rejected|blocked|refused|denied) (due to|because of|for) (\S{1,20} ){0,3}reputation\b/i,
    class: 'block',
    scope: 'ip',
    example: '550 5.7.1 Message blocked due to sender reputation',
  },
  {
    id: 'any-reputation',
    providers,
    pattern:
      /Messages? from [[(]?[\da-f.:]{1,45}[\])]? (were |was |are )?(temporarily deferred|weren.t sent)|rate limited due to IP reputation|(deferred|delayed|limited|blocked|rejected|refused) (due to|because of|for) (\S{1,20} ){0,3}reputation\b|Server busy\. Please try again later from|too many (spams?|bad|invalid|unknown) (recipients? |users? |messages? )?from (your|this) ip|(spam|complaint) rate.{0,40}(high|exceed)/i,
    class: 'reputation',
    scope: 'ip',
    example: '421 4.7.0 Messages from 192.0.2.1 temporarily deferred',
  },
  {
    id: 'any-url-listed',
    providers,
    pattern:
      /\b(surbl|uribl|ivmuri)\b|(url|link|uri|website)\b.{0,60}\b((black|block)[- ]?list|listed\b)|(black|block)listed url/i,
    class: 'listing',
    scope: 'url',
    example: '550 5.7.1 Message contains a URL that multi.surbl.org knows',
  },
  {
    id: 'any-domain-listed',
    providers,
    pattern:
      /\bdbl\.spamhaus|spamhaus DBL\b|spamhaus\.org\/query\/(dbl|domain)|(sender|from|mailfrom|envelope)\b.{0,20}\bdomain\b.{0,60}\b(listed (at|in|by|on)|(black|block)[- ]?list)/i,
    class: 'listing',
    scope: 'domain',
    example: '554 5.7.1 Refused: see https://www.spamhaus.org/query/domain/example.com',
  },
  {
    id: 'any-policy-listed',
    providers,
    pattern:
      /\bpbl\b|dynamic (ip|address)|dial-?up|(residential|dynamically assigned|transient) ip|dynamic\/(zombie|residential)|generic (dns|ptr|reverse)|hosts with dynamic/i,
    class: 'identity',
    scope: 'ip',
    example: '550 5.7.1 Client host [192.0.2.1]: pbl.spamhaus.org',
  },
  {
    id: 'any-listed',
    providers,
    pattern:
      /\b(spamhaus|sbl|xbl|css|barracudacentral|spamcop|sorbs|uceprotect\w{0,8}|dnsbls?|dns ?bl|rbl|dnsrbl|drbl|spamrats|psbl|surriel|abuseat|cbl|invaluement|mailspike|hostkarma|nixspam|manitu|backscatterer|senderscore|abusix|ivmsip|gbudb|njabl|ordb|dsbl|mail-abuse|wpbl|imp-spam|blackholes?)\b|(black|block|deny)[- ]?list(ed)? (at|in|by|on|using)\b|\b(in|on) (a|an|our|the|my) (\S{1,30} )?(black|block|deny)[- ]?list|(black|block)listing in effect|blocked using(?! spam)|(is|ip) listed (at|in|on|by)|listed as (abusive|spam)|blocked by \S{1,80}\.(org|net|com)\b/i,
    class: 'listing',
    scope: 'ip',
    example: '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
  },
  {
    id: 'any-greylist',
    providers,
    pattern:
      /gr[ae]y[- ]?list|\bpostgrey\b|^4\d\d 4\.7\.1 .{0,200}try again in \d+|^4.{0,120}(not yet (been )?(authori[sz]ed|whitelisted)|first time we see|please (retry|come back|try again) in \d|delayed for \d+ (sec|min)|try again in \d+ (sec|min))/i,
    class: 'greylist',
    scope: 'message',
    example: '451 4.7.1 Greylisting in action, please come back later',
  },
  {
    id: 'any-connections',
    providers,
    pattern:
      /too many (concurrent |simultaneous |open |parallel |smtp |tls ){0,3}(connections?|sessions?)|(connection|session) (rate |count |concurrency )?limit|maximum (number of )?(concurrent )?(connections|sessions)|trop de connexions|too frequent connects|connect(ing|ions?) too (fast|often|frequent)/i,
    class: 'throttle',
    scope: 'ip',
    example: '421 4.7.0 Too many concurrent connections from your host',
  },
  {
    id: 'any-mailbox-rate',
    providers,
    pattern:
      /(receiv|mail)(ing|ed|s) (mail |messages? |e-?mails? )?(at a rate|too (quickly|many|often|fast))|recipient.{0,40}(rate|hourly|daily) limit|exceeding receiving limits|rate that prevents additional/i,
    class: 'recipient',
    scope: 'recipient',
    temporary: true,
    example: '450 4.2.1 The user you are trying to contact is receiving mail too quickly.',
  },
  {
    id: 'any-rate',
    providers,
    pattern:
      /too much mail from|too many (messages(?! (on|in) (the|this|that) (server|mail ?box))|mails|e-?mails|recipients|rcpts|errors|commands|invalid|unrecogni|requests|smtp|users|envelopes)|\b((rate|sending|message|hourly|daily|recipient|volume|user sending)s?[- ]?(limit|quota)|e?-?mails?[- ]?limit)s? (was |has been |is )?(exceed|reached|hit)|exceed\w{0,3} .{0,60}(rate|per (hour|day|minute|connection)|hourly|daily|sending|volume)|\brate[- ]?limit|throttl|please (try again )?slow(er| down)|sending (too (fast|much|many))|frequency limit|(excessive|unexpected|high|unusual) (volume|rate|number)|quota exceeded for (sender|your)|deferred due to/i,
    class: 'throttle',
    scope: 'ip',
    example: '450 4.7.0 Message limit reached for 192.0.2.1, slow down',
  },
  {
    id: 'any-sender',
    providers,
    pattern:
      /\bsenders?(?! verify ok| ?ip\b) ?('s )?(e-?mail ?)?(address|domain|host|user|mailbox|account|id)?\b.{0,100}(not found|does(n.t| not) (exist|resolve)|rejected|verif|unknown|invalid|undeliverable|unrout|not (exist|valid|resolv)|denied|blocked|blacklisted|refused|suspended|disabled|expired|no (mx|a record|valid)|bad|missing)|(invalid|bad|unknown|unroutable|unresolvable|unverified|illegal|malformed|forged|fake|empty|null|rejected|refused) (envelope )?(sender|from|return-?path|reverse-path|mail from|originator)|domain of sender|from:? (address|domain|header).{0,60}(not|invalid|missing|does)|mail from (?!\[?\d).{0,80}(not (exist|allow|valid|owned)|rejected|refused|denied)|(from|sender) domain.{0,40}(not|must|invalid)|(could|can) ?not verify (the )?sender|sender verify fail|purported responsible|mail ?from\b.{0,80}(mis-?match|verif\w{1,8} fail)|verify mail ?from|verification failed while checking|sender .{0,80}has no (a|mx|dns)\b|sender domain .{0,20}(resol\w{1,8} )?fail|AUP#CXSNDR|backscatter|emetteur invalide|expéditeur|absender/i,
    class: 'identity',
    scope: 'domain',
    example: '450 4.1.8 <bounce@mail.example>: Sender address rejected: Domain not found',
  },
  {
    id: 'any-ptr',
    providers,
    pattern:
      /\breverse[- ](dns|hostname|lookup|record|name|mapping)|\b(rdns|fcrdns|r-?dns)\b|\bPTR\b|(ip|client|host) ?name lookup failed|cannot (find|resolve) your (reverse |host ?name|address|ip)|unresolvable relay|(hostname|dns) .{0,30}(mismatch|does not match)|no host ?name|can.t resolve your/i,
    class: 'identity',
    scope: 'ip',
    example: '450 4.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]',
  },
  {
    id: 'any-helo',
    providers,
    pattern:
      /\b(helo|ehlo)\b.{0,80}(rejected|invalid|not|bad|forged|mismatch|refused|need|require|syntax|denied|fqdn|spoof)|(invalid|bad|forged|illegal) (helo|ehlo)|my name was rejected/i,
    class: 'identity',
    scope: 'ip',
    example: '504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname',
  },
  {
    id: 'any-tls',
    providers,
    pattern:
      /must issue a STARTTLS|\b(TLS|SSL|encryption|encrypted connection) (is )?(required|needed|mandatory)|requires? (TLS|encryption|STARTTLS)|without (TLS|encryption)|session encryption is required/i,
    class: 'identity',
    scope: 'ip',
    example: '530 5.7.0 Must issue a STARTTLS command first',
  },
  {
    id: 'any-auth',
    providers,
    pattern:
      /\bDMARC\b|\b(SPF|DKIM|Sender ?ID|DomainKeys|ARC)\b.{0,80}\b(fail|invalid|missing|not|did not|required|reject|denied|policy|check|unauthori[sz]ed|prohibited|fails|failed|soft|hard|settings|record)|\b(SPF|DKIM)\b.{0,20}(hard|soft)?fail|sender policy framework|not (allowed|permitted|designated|authori[sz]ed) to send (mail |e-?mail |messages? )?(from|for|on behalf)|un-?authenticated|not authenticated|authenticat\w{1,4} (check|fail|result)|openspf|fails? .{0,30}authentication|bad (dkim|signature)|client host .{0,80}not authenticated/i,
    class: 'auth',
    scope: 'domain',
    example: '550 5.7.1 Unauthenticated email from example.com is not accepted due to its DMARC policy',
  },
];
