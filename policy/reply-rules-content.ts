/**
 * What any provider says of the message itself, and refusals whose reason is the sender or a rule of theirs.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const CONTENT_RULES: readonly ReplyRule[] = [
  {
    id: 'any-size',
    providers,
    pattern:
      /(message|mail|e-?mail|size|data|body|attachments?|file|sum|it) (is |was |size |length |are |exceeds? )?.{0,40}((?<!queue )too (large|big|long)|exceed\w{0,3} (the |my |our |fixed |maximum|size|local|allowed|limit|databytes|\d)|larger than|over the (maximum|limit|size)|bigger than)|too (large|big) (message|mail|e-?mail|for)|(message|mail|maximum|size) size limit|size limit (exceeded|for)|databytes limit|maximum (message |allowed )?(size|length)|SizeLimit|message (size|length) exceed|exe+ded the maximum size|mail size limit|message size violation|file too big/i,
    class: 'content',
    scope: 'message',
    example: '552 5.3.4 Message size exceeds fixed limit',
  },
  {
    id: 'any-relay',
    providers,
    pattern:
      /relay(ing)?( access| mail| to .{0,80})?,? (is |was )?(denied|not (permitted|allowed|here)|prohibited|disallowed|refused|rejected|restricted|forbidden)|not (permitted|allowed|authori[sz]ed) to relay|(unable|cannot|can.t|won.t|not|no|do not|refuse to) (to )?relay(ing)?|rcpthosts|relay not|we do(n.t| not) (relay|accept mail for|handle)|does(n.t| not) (handle|accept|serve|host) (e-?mail|mail|messages) for|not a gateway|smtp relay error|authentication (is )?required (for|to) relay|not (a |one of )?(our|my) (local )?domain|not a registered gateway/i,
    class: 'policy',
    scope: 'recipient',
    example: '554 5.7.1 <user@example.com>: Relay access denied',
  },
  {
    id: 'any-virus',
    providers,
    pattern:
      /\b(virus(es)?|malware|infected|trojan|worm|phish\w{0,4}|banned (file|content|attachment)|dangerous (attachment|file)|(attachment|file) (type|extension|name).{0,40}(not|blocked|forbidden|banned)|executable|potential security issue|unsafe content|blocked (attachment|file)|file.{0,40} (blocked|quarantined))\b/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 Message contains a virus',
  },
  {
    id: 'any-blocked',
    providers,
    pattern:
      /\b(your )?(ip( address)?|client|host|server|mail server|network|connection|mta|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b(?!.{0,60}(spam content|message)).{0,60}\b(blocked|banned|barred|refused by|rejected|(black|block|deny)[- ]?listed|(poor|bad|low) reputation|not (allowed|permitted|welcome)|not accept(ed)?)\b|(poor|bad|low) reputation|bad sender ip|you are (not allowed to connect|sending spam)|blocked for (abuse|spam)|not accepting (mail|connections) from your|no access from mail server|(mail|messages?|connections?) from \[?\d[\d.]{6,15}\]? .{0,40}(refused|rejected|denied)|refused to talk to me|refused due to abuse|IP=\S{1,45} - A problem occurred|service refuse[de]?\b|access from ip|go away|suspiciously like spammer|blocked - see|has been blocked by|^\d{3} ([45]\.\d{1,3}\.\d{1,3} )?(\[\w{1,10}\] )?blocked\.?$/i,
    class: 'block',
    scope: 'ip',
    example: '554 5.7.1 Your IP address 192.0.2.1 was blocked by our administrator',
  },
  {
    id: 'any-spam',
    providers,
    pattern:
      /\bspam\w{0,9}\b|\b(unsolicited|\bUBE\b|\bUCE\b|junk|bulk (e-?mail|mail|advert)|mass mail)|(content|message|mail) (was |has been |is )?(rejected|denied|refused|blocked|filtered|restricted|not accepted)( (as|for|due|because|by).{0,40})?.{0,20}(content|filter|spam|score|suspicious|bulk)|content (filter|reject|denied|restrict|not|violat)|message content rejected|looks like spam|suspicious|recurrent pattern|unacceptable content|similar to|(message|mail|e-?mail) (was |has been )?(filtered|quarantined)|high probability|message scored \d/i,
    class: 'content',
    scope: 'message',
    example: '550 5.7.1 This message has been rejected as spam',
  },
  {
    id: 'any-format',
    providers,
    pattern:
      /(header|headers|format|mime|date|subject|from:|message-id|8-?bit|encoding|rfc ?2?8?22|rfc ?5322|syntax|boundary|character|charset|bare (lf|cr)|line (too long|length))\b.{0,60}\b(error|invalid|missing|not (compliant|accepted|allowed|supported|valid)|malformed|required|violat|illegal|too long|non-?compliant|duplicate)|(invalid|malformed|missing|illegal|multiple|duplicate) (header|headers|mime|date|from:|subject|message-id|character)|not rfc|protocol violation|bare (lf|cr|newline)s?|does not support (8bit|smtputf8)|conversion|invalid data|data refused/i,
    class: 'content',
    scope: 'message',
    example: '550 5.6.0 Lone CR or LF in headers: header syntax error',
  },
  {
    id: 'any-denied',
    providers,
    pattern:
      /(access|(?<!: )permission|transaction|delivery|mail|e-?mail|connection|message|recipient|request|service) (was |is |has been |address )?(denied|prohibited|forbidden|not (authori[sz]ed|permitted|allowed))|denied by|administrative prohibition|administratively|(local|security|site|company|site-?specific|e-?mail|acceptable use|by) polic(y|ies)|policy (reasons?|violation|restriction|reject|rejection|block)|for policy|not accepted for|rejected (by|for|due to|under) (the |our |a |local |site )?(polic|rule|filter|system|server|administrator|security)|prohibited|no thank you|we do not accept|recipient address rejected|blocked by policy|violates|\bAUP#/i,
    class: 'policy',
    scope: 'message',
    example: '550 5.7.1 Access denied',
  },
];
