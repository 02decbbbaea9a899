/** How Apple words its answers. */
import { type Dialect, NETBLOCK_REFUSED, REFUSED_BY_DOMAIN } from './dialect-parts.ts';

export const apple: Dialect = {
  limitsAt: 'data',
  limited: (ip) => ({
    code: 421,
    text: `4.7.1 Messages from ${ip} were deferred due to excessive volume. Try again later`,
  }),
  throttled: () => ({ code: 451, text: '4.7.1 Service unavailable - try again later' }),
  blocked: () => ({
    code: 554,
    text: '5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
  }),
  unknownRecipient: (rcpt) => ({ code: 550, text: `5.1.1 <${rcpt}>: user does not exist` }),
  tooManyConnections: () => ({ code: 421, text: '4.7.0 Too many concurrent connections from your address' }),
  tooManyMessages: () => ({ code: 421, text: '4.7.0 Too many messages on this connection' }),
  domainLimited: (domain) => ({
    code: 421,
    text: `4.7.1 Messages from ${domain} were deferred due to excessive volume. Try again later`,
  }),
  domainBlocked: () => ({
    code: 554,
    text: '5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
  }),
  netblockBlocked: NETBLOCK_REFUSED,
  tenantBlocked: (_ip, rcpt) => REFUSED_BY_DOMAIN(rcpt),
};
