/**
 * What a provider can answer, and the answers that are worded alike everywhere: greylisting (of these providers only smaller
 * ones greylist at all), and refusals by a recipient's own domain.
 */
import { netblockOf } from './networks.ts';
import { domainOf } from './recipients.ts';

export interface Reply {
  readonly code: number;
  readonly text: string;
  /** Which limit of volume it is about: never said to the sender, kept in the record. */
  readonly why?: 'volume-jump' | 'allowance' | 'burst';
}

export interface Dialect {
  /** Where reputation limits are answered: at RCPT, or only after the message. */
  readonly limitsAt: 'rcpt' | 'data';
  /** Too much for this sender's reputation (4xx). */
  limited(ip: string): Reply;
  /** Too much in this hour; nothing said about reputation (4xx). */
  throttled(ip: string): Reply;
  /** Refused for good (5xx). */
  blocked(ip: string): Reply;
  unknownRecipient(rcpt: string): Reply;
  tooManyConnections(ip: string): Reply;
  tooManyMessages(): Reply;
  /** Too much for the reputation of the domain in From and DKIM (4xx). */
  domainLimited(domain: string): Reply;
  /** Refused for good for that domain's reputation (5xx). */
  domainBlocked(domain: string, ip: string): Reply;
  /** Refused for good for what others in its /24 did (5xx). */
  netblockBlocked(ip: string): Reply;
  /** The recipient's own domain refuses the sender; its provider and its neighbours do not (5xx). */
  tenantBlocked(ip: string, rcpt: string): Reply;
}

export const GREYLISTED = (rcpt: string): Reply => ({
  code: 450,
  text: `4.7.1 <${rcpt}>: Recipient address rejected: Greylisted, please try again later`,
});

/** Postfix's wording of reject_rbl_client, which most who consult a list use. */
export const LISTED = (ip: string, zone: string): Reply => ({
  code: 554,
  text: `5.7.1 Service unavailable; Client host [${ip}] blocked using ${zone}; https://${zone}/query/ip/${ip}`,
});

export const LISTED_FOR_NOW = (ip: string, zone: string): Reply => ({
  code: 451,
  text: `4.7.1 Service unavailable; Client host [${ip}] blocked using ${zone}; https://${zone}/query/ip/${ip}`,
});

export const NETBLOCK_REFUSED = (ip: string): Reply => ({
  code: 550,
  text: `5.7.1 Service unavailable; too much unsolicited mail from the network ${netblockOf(ip)} of client [${ip}]`,
});

export const OUT_OF_SERVICE: Reply = { code: 421, text: '4.3.2 Service not available, closing transmission channel' };

export const ACCEPTED_RECIPIENT: Reply = { code: 250, text: '2.1.5 OK' };

export const REFUSED_BY_DOMAIN = (rcpt: string): Reply => ({
  code: 550,
  text: `5.7.1 <${rcpt}>: Recipient address rejected: ${domainOf(rcpt)} takes no mail from this sender`,
});
