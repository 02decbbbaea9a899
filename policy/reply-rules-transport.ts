/**
 * Trouble on the way that is nobody's fault: networks, time-outs, loops, full disks. Last, because such words also stand in
 * texts that say something sharper.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const TRANSPORT_RULES: readonly ReplyRule[] = [
  {
    id: 'any-loop',
    providers,
    pattern:
      /\bloop(s|ing|ed|back)?\b|too many (hops|"?received"?)|hop ?count|maximum (number of )?hops|best-preference MX|points? back to|"?received:?"? header counts?/i,
    class: 'infrastructure',
    scope: 'message',
    example: '554 5.4.6 Too many hops',
  },
  {
    id: 'any-network',
    providers,
    pattern:
      /connection (to .{0,80})?(was )?(timed? ?out|refused|reset|lost|dropped|closed|failed|attempt|could|unexpectedly|aborted|broken)|(connect|network|socket|operation|session|conversation|host|transaction|command|smtp)\b.{0,80}(timed? ?out|time-?out|unreachable|not reachable|no route|is down|not respond)|no route to host|(could ?n.t|could not|unable to|can ?not|wasn.t able to|failed to) (connect|contact|reach|open|establish|communicate|route)|server (did not|not|does not|is not) (accept|respond|reach|available)|not responding|lost connection|timed out|all hosts .{0,40}failing|host (is )?(down|unreachable|not reachable)|greeting failed|connection died|invalid mx record|name server reply|no answer from|broken pipe|peer|recipient server did not accept|deferred: |requests to connect/i,
    class: 'infrastructure',
    scope: 'message',
    example: '441 4.4.1 Connection timed out',
  },
  {
    id: 'any-expired',
    providers,
    pattern:
      /retry (time|timeout)|(delivery|message|mail|lifetime|queue)\b.{0,40}\b(expired|exceeded|timed out|too long)|in the queue (too long|for)|not (been )?(delivered|collected) (with|aft)|after \d{1,4} (tries|attempts|hours|days)|more than \d|giving up|find a gateway|time limit exceeded|max(imum)? time|for (at least |more than |the past )?\d{1,3} (hours|days)|message expired|unable to deliver .{0,40}(after|for)|4\.4\.7/i,
    class: 'infrastructure',
    scope: 'message',
    example: '500 5.4.7 Delivery expired (message too old)',
  },
  {
    id: 'any-server-tls',
    providers,
    pattern:
      /\b(TLS|SSL|STARTTLS)\b.{0,80}(fail|error|not (available|offered|supported)|handshake|negotiat|certificate|verif)|certificate (verif|expired|not)|handshake|MTA-STS|\bDANE\b|tlsa/i,
    class: 'infrastructure',
    scope: 'message',
    example: '403 4.7.0 TLS handshake failed',
  },
  {
    id: 'any-system',
    providers,
    pattern:
      /temporar(y|ily)|try (again|it) (later|in)|(please )?(re)?try later|later\.?$|(system|server|internal|configuration|local|database|processing|queue|software|i\/o|disk|backend|directory|ldap|unknown|mailer|lmtp|resource)s? ?(error|failure|problem|is? busy|busy|overload|full|shortage|not available|unavailable|storage|resources)|service (is )?(currently |temporarily )?(not available|unavailable)|insufficient (system|disk|resource)|out of (memory|resources|disk)|no space left|can ?not (open|create|write|append|lock|mail|process|store)|maildir|\bchdir\b|error (in processing|opening)|can.t (open|create|write|append|lock|create output)|bad interpreter|permission denied|command (failed|died|not|rejected|unrecogni)|unrecogni[sz]ed command|syntax error|bad sequence|no valid recipients|STOREDRV|load (too high|average)|shutting down|maintenance|in progress|not accepting (network )?messages|not implemented|delivery to (file|pipe) forbidden|homedir|LDAP|requested action aborted/i,
    class: 'infrastructure',
    scope: 'message',
    example: '451 4.3.0 Temporary system problem. Try again later',
  },
];
