/**
 * What any provider says of a recipient: unknown, disabled, full, or choosy. Only words that can mean nothing else kill one.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const RECIPIENT_RULES: readonly ReplyRule[] = [
  {
    // RFC 5321 gives 550 the words "mailbox unavailable", and some put them in front of every reason they have.
    id: 'any-unavailable-for-policy',
    providers,
    pattern:
      /mailbox (name )?(unavailable|not (available|allowed)).{0,200}\b(polic(y|ies)|spam|block(ed|list)|reputation|abus(e|ive)|suspicious)\b/i,
    class: 'policy',
    scope: 'message',
    example: '550 Requested action not taken: mailbox unavailable. Reject due to policy restrictions.',
  },
  {
    id: 'any-mailbox-full',
    providers,
    pattern:
      /\bover[- ]?(the |its |disk |storage |their )?(allowed )?quota\b|\bquota (limit )?(is |was |has been |usage )?(exceeded|full|violation|reached|overflow)|exceed\w{0,3} (the |its |their |his |her |his\/her |disk |mailbox |storage |dropfile |size |space |maximum |e-?mail |mail |allowed |user |account ){0,4}(quota|storage|disk ?space|space|mailbox size|allocation)|(mail ?box|inbox|mail ?folder|maildir|account|mail ?drop|storage|user|recipient)\b.{0,60}\b(full|out of (storage|space|disk)|over (its |the )?(size |storage )?(limit|quota|maximum)|exceed\w{0,3} (its |the |allowed |maximum |local |size |mailbox )|no space|insufficient (space|storage)|would exceed|reached (its|the|disk) )|(not|does not have) (enough|sufficient) (storage |disk ?|mailbox )?(space|storage)|\bspace (is )?not (enough|sufficient)|overdrawn .{0,20}quota|over the maximum allowed (number of messages|mailbox size)|exceeds allowed message count|larger than the space available|not able to (receive|accept) any more (mail|messages)|(size|storage) limit of the (mail ?box|user|recipient)|full mailbox|too much mail data|quota would be exceeded|too many messages (on|in) (the|this|that) (server|mail ?box)|zu ?viele mails auf dem server|space has (been )?used up|mailbox (disk )?(size|limit|space|quota)\b.{0,30}(exc?ee?d|reach|limit)|^\d{3} [45]\.2\.2 |as their mailbox is full|STOREDRV.{0,80}(QuotaExceeded|submission quota)|disk quota|exceeds the maximum size allowed for mail delivery/i,
    class: 'mailbox-full',
    scope: 'recipient',
    example: '552 5.2.2 The email account that you tried to reach is over quota',
  },
  {
    id: 'any-recipient-refuses',
    providers,
    pattern:
      /RESOLVER\.RST\.(AuthRequired|NotAuthori|Restricted|SendAsDenied)|not (authori[sz]ed|permitted|allowed) to (send|post|mail|submit|write)|(only|not) accept(s|ing)? (mail|messages?|e-?mails?)? ?(from|by|sent)|(members?|subscribers?)[- ]only|non-?members?\b|not (a |currently )?(member(?! of (this |the |your )?domain)|subscri)|closed (mailing )?list|moderated|restricted to|refus\w{1,3} to (receive|accept)|user (refuses|rejects?)|recipient preferences|blocked by (the |this )?(recipient|user)|(recipient|user|addressee) (has|have) (blocked|rejected|refused)|rejected (by|due to) (the )?(recipient|user)('s)? ?(rules?|filter|request)?|(?<!exist or )(is|are) not accepting (any |new )?(mail|messages)|permission to post|by (this|the) (recipient|user)|delivery not authori[sz]ed|restricted (recipient|group|sms)|(mail ?box|recipient|account)\b.{0,80}\bis restricted|captcha|denied by (recipient|user)|customer block ?list/i,
    class: 'policy',
    scope: 'recipient',
    example: '550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized',
  },
  {
    id: 'any-greeting-mailbox',
    providers,
    pattern:
      /\b(mail ?box|account|user|recipient|address|inbox)\b.{0,60}\btemporarily\b|temporarily (limited|rejected|disabled|locked)|(?<!delivery |services? |resources? |server |system )temporarily (unavailable|suspended)|(mailbox|account|user|recipient)\b.{0,40}\b(busy|(?<!no longer )in use|is locked by another)/i,
    class: 'recipient',
    scope: 'recipient',
    temporary: true,
    example: '450 Requested mail action not taken: mailbox temporarily locked',
  },
  {
    id: 'any-dns-later',
    providers,
    pattern:
      /not found,? try again|(temporary|transient) (failure in name|dns|lookup|name (service|server|resolution))|dns (lookup )?(timed? ?out|time-?out|server failure|servfail|temporar)|could not contact dns/i,
    class: 'infrastructure',
    scope: 'message',
    example:
      '450 4.4.3 Host or domain name not found. Name service error for name=example.com type=MX: Host not found, try again',
  },
  {
    id: 'any-no-domain',
    providers,
    pattern:
      /^(?!\d{3} [45]\.(1\.[789]|7\.\d{1,3}) ).{0,400}(?<!\b(client|your|sending|source|helo|ehlo|ptr) )\b(host|domain)( or domain)?( name)? (is |was |could )?(not |un)(be )?(found|known|exist|valid|registered)|illegal (host|domain)(\/domain)? name|domain (is )?not used for (e-?)?mail|not have any mail exchanger|resolve the ip address of the following domain|domain (is )?missing or malformed|\bdomain (name )?(\S{1,253} )?does(n.t| not) (exist|resolve|receive|accept (any )?e?-?mail\b(?! from))|(?<!\b(client|your|sending|source) )\bhost (name )?does(n.t| not) exist|(unknown|no such|non-?existent|invalid|bad|nonexistant) (remote |mail |destination |recipient |internet )?(host|domain|system)|NXDOMAIN|point(s)? to non-existent|un-?rout(e)?able|name or service not known|DNS Error.{0,80}(not found|no such|no data|NXDOMAIN)|null ?MX|indicated no SMTP service|find any host|could ?n.t find (a |any )?(host|mail ?(exchanger|server))|no (valid )?(mx|mail exchanger|a record)s? |mail domain mentioned|remote domain does ?n.t exist|not a valid domain|domain is a dead|recipient('s)? domain (must|does|not|is not)|domain must (exist|resolve)|lookups? failed permanently|non-?existent (domain|host)|no matches to nameserver/i,
    class: 'recipient',
    scope: 'recipient',
    example:
      '550 5.1.2 Host or domain name not found. Name service error for name=gone.example type=AAAA: Host not found',
  },
  {
    id: 'any-moved',
    providers,
    pattern:
      /(user|recipient|person|mailbox|account|address)\b.{0,40}\b(has |have )?(moved|changed|left|been (replaced|migrated))\b|e-?mail( address)? has changed|user not local|no longer (works?|employed|with)|has moved/i,
    class: 'recipient',
    scope: 'recipient',
    example: '551 user has moved; please try forward@example.net',
  },
  {
    id: 'any-edge-block',
    providers,
    pattern: /\bAS\(?2018\d{5}|\bAS\(?2016\d{5}|^5\d\d 5\.4\.1 .{0,200}recipient address rejected/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 5.4.1 [user@example.com]: Recipient address rejected: Access denied. AS(201806281)',
  },
  {
    id: 'any-no-recipient',
    providers,
    pattern:
      /^\d{3} [45]\.1\.1 (?!.{0,200}(spam|blocked|reputation|policy|denied|relay))|(?<!\b(ip|your|from|source|client|return|sending|sender|host|server|network) )\b(users?|recipients?|mail ?box(es)?|accounts?|address(es|ee)?|alias|local[- ]?part|e-?mail (address|account|id)|userid|customer|subscriber|person|inbox|rcpt)\b(?:(?!\b(host|server|senders?|domain|client|ip|spam|policy|relay|because|dns|site|certificate|network|from|message)\b)[^;]){0,70}\b(unknown|not (be )?(available|found|known|recogni[sz]ed|exist(ing|s)?|listed|valid|local|present|here|registered|hosted|defined|in|ok|available on)\b|not an? (valid|known|active|local|registered|current|member of (this |the |your )?domain)|doe?s(n.?t| not| n.t) (seem to )?(exist|like|live|match)|(do(n.?t| not)|no) exist|isn.?t (a |valid|known|in)|no longer (exists?|valid|active|available|in use|accept\w{0,4}|here|on)|non-?exist[ae]nt|is invalid|invalid\b|undeliverable|was not found|unrecogni[sz]ed)|\b(?!no (valid )?recip)(no|unknown|invalid|non-?exist[ae]nt|nonexistent|bad|illegal|incorrect|unrecogni[sz]ed|wrong|undefined|not an?) (such |or unknown |final delivery |valid |known |local |existing |virtual |destination |active |recogni[sz]ed ){0,4}(users?|recipients?|mail ?box|mail ?drop|accounts?|address(ee)?|alias|local[- ]?part|e-?mail|userid|username(?! or password)|person|destination|rcpt|inbox|mobile)\b|no (account|mail ?box|user|one|person)( available)? (by|for|with|at|here|found)|does(n.t| not) have an? .{0,40}account|do(n.t| not) have an? (user|account|mail ?box|recipient) |not our customer|nobody (here|by)|(can ?not|can.t|could ?n.t|could not|unable to) find (a |the |that |this |any |your |alias ){0,2}(user|recipient|account|mail ?box)|no valid recipients? \(#5\.1|(?<!(client|your|sending|source|host) )rejected recipients?$|(unable|failed) to validate (the )?recipient|handle (e-?)?mail for that user|address does not (receive|accept) (e-?)?mail|check the recipient.?s e-?mail address|^\d{3} (5\.\d\.\d )?no longer in use|unavailable mail ?box|list of allowed recipients|not known (at|on|to) (this|our) (site|system|server)|\b(account|user) or domain may not exist|no such id\b|can ?not deliver mail for|recipients? (address )?(is )?not allowed(?! to)|\brecipient (address )?(rejected|refused)\.?($| \()|RESOLVER\.ADR\.(Recip|ExRecip)|Recip(ient)?NotFound|\bbadrcptto|validrcptto|email name is not found|mailbox (is )?(unavailable|not available|inactive|unknown)|address rejected\.?( |$)(?!.{0,80}(blocked|spam|denied|policy))|(user|recipient) (account )?(is )?unavailable|not (in|listed in|found in) (the )?.{0,30}(directory|address book|name & address)|missing home directory|who (is|are) (he|she|that|you looking)|archived recipient|recipients? can ?not be verified|final e-?mail delivery point|this address no longer|can.?t accept user|account unavailable|spectator does not/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 No such user here',
  },
  {
    id: 'any-disabled',
    providers,
    pattern:
      /(?<!\b(ip|your|from|source|client|return|sending|sender|host|server|network) )\b(user|recipient|mail ?box|account|address|user account|subscriber)\b(?:(?!\b(host|server|senders?|domain|client|ip|spam|policy|relay|because|dns|site|certificate|network|from|message)\b)[^;]){0,60}\b(disabled|in-?active|suspend(ed)?|de-?activated|expired|closed|frozen|terminated|discontinued|deleted|removed|retired|cancell?ed|dormant|archived|abandoned|not activ(e|ated)|is locked|been locked|barred|delisted)\b|\b(disabled|inactive|deactivated|suspended|closed|expired|locked) (mail ?box|user|account|recipient|e-?mail|address)|suspend the service|^\d{3} (5\.\d\.\d )?<[^>]{1,320}> is (now |currently )?(disabled|inactive|suspended|closed)|receiving (is )?disabled|@\S{1,253} is (now |currently )?(disabled|inactive|suspended|closed)\b|(due to|extended) inactivity|inactive on this domain|has(n.t| not) (entered|logged (in|on))|never logged (in|on)|administrati\w{1,6} disabled|^\d{3} [45]\.2\.1 (?!.{0,120}(rate|quickly|limit|size|large))/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 5.2.1 The email account that you tried to reach is disabled.',
  },
];
