/** Options about what comes back: who is told of failures, and whose reports are believed. */
import { z } from 'zod';

/** Are senders told what could not be delivered (RFC 3464), or do they read events instead? */
export const notifications = z.enum(['sender', 'none']).default('sender');

/**
 * Reporters whose DKIM-signed feedback counts when it carries no token of ours, beside the built-in ones
 * (policy/reporters.ts): the whole From address, because anybody can have a mailbox at a large provider.
 */
export const reporters = z
  .array(z.string().regex(/^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/, 'a From address such as feedback@arf.mail.yahoo.com'))
  .default([]);
