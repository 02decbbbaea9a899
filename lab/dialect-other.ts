/** How a small provider on Postfix words its answers, and a mail gateway that stands before companies' own servers. */
import { type Dialect, NETBLOCK_REFUSED, REFUSED_BY_DOMAIN } from './dialect-parts.ts';

export const other: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({ code: 451, text: `4.7.1 Messages from ${ip} temporarily deferred due to poor reputation` }),
  throttled: (ip) => ({ code: 450, text: `4.7.1 Too much mail from ${ip}, please slow down` }),
  blocked: (ip) => ({
    code: 550,
    text: `5.7.1 Service unavailable; client [${ip}] blocked for sending unsolicited mail`,
  }),
  unknownRecipient: (rcpt) => ({ code: 550, text: `5.1.1 <${rcpt}>: Recipient address rejected: User unknown` }),
  tooManyConnections: (ip) => ({ code: 421, text: `4.7.0 Error: too many connections from ${ip}` }),
  tooManyMessages: () => ({ code: 421, text: '4.7.0 Error: too many messages on this connection' }),
  domainLimited: (domain) => ({
    code: 451,
    text: `4.7.1 Mail of ${domain} temporarily deferred due to poor reputation`,
  }),
  domainBlocked: (domain) => ({ code: 554, text: `5.7.1 <${domain}>: Sender domain rejected: bad reputation` }),
  netblockBlocked: NETBLOCK_REFUSED,
  tenantBlocked: (_ip, rcpt) => REFUSED_BY_DOMAIN(rcpt),
};

export const gateway: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({ code: 421, text: `4.7.1 Mail from ${ip} deferred: Dynamic reputation` }),
  throttled: () => ({ code: 452, text: '4.3.2 Message rate limit exceeded, try again later' }),
  blocked: (ip) => ({ code: 550, text: `5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=${ip}` }),
  unknownRecipient: () => ({ code: 550, text: '5.1.1 User Unknown' }),
  tooManyConnections: () => ({ code: 421, text: '4.7.0 Too many open connections from your host' }),
  tooManyMessages: () => ({ code: 421, text: '4.7.0 Too many messages in this session' }),
  domainLimited: (domain) => ({ code: 451, text: `4.7.1 Mail of ${domain} is deferred for further checks` }),
  domainBlocked: () => ({ code: 554, text: '5.7.1 Message blocked due to the reputation of its sender domain' }),
  netblockBlocked: NETBLOCK_REFUSED,
  tenantBlocked: () => ({ code: 550, text: '5.7.0 Local Policy Violation' }),
};
