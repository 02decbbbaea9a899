/** Limits of connections and rates per provider, over those that are shipped (policy/shaping.ts). */
import { z } from 'zod';

const shape = z.strictObject({
  /** Connections of one address at the provider, over all processes. */
  connections: z.int().min(1).optional(),
  messagesPerConnection: z.int().min(1).optional(),
  connectionsPerMinute: z.int().min(1).optional(),
  /** 0: no limit but the grant's pace. */
  messagesPerMinute: z.int().min(0).optional(),
});

export const shapingSchema = z
  .strictObject({
    /** For every provider. */
    default: shape.optional(),
    /** By provider: wins over `default`. */
    providers: z.record(z.string(), shape).optional(),
    /** By pool and provider (or `default`): wins over both. */
    pools: z.record(z.string(), z.record(z.string(), shape)).optional(),
  })
  .prefault({});
