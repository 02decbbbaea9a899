/** Mail that has no row yet, as lanes look at it: a place is found for it before its commit. */
import type { SpoolMessage, SpoolRecipient } from '../../store/spool.ts';
import type { Mail } from './sendable.ts';

/** One recipient of a message. */
export function newMail(
  { pool, campaign, tenant, stream, segment, oneClick = true }: SpoolMessage,
  { domain, arm }: SpoolRecipient,
): Mail {
  const carried = { pool: arm?.pool ?? pool, front: arm === undefined ? null : pool };
  return {
    ...carried,
    address: null,
    domain,
    campaign,
    tenant,
    stream,
    segment,
    oneClick,
    freed: false,
    pinned: false,
  };
}
