/** Marks above which new mail is answered with 4xx (mta/injection/back-pressure.ts). */
import { z } from 'zod';
import { parseDuration } from './duration.ts';

const DURATION = "a duration such as '2s', or ms as a number";

export const backPressureSchema = z
  .strictObject({
    /** Most recipients waiting in the queue, over all processes. */
    maxQueued: z.int().min(1).default(5_000_000),
    /** Least free bytes on the database's disk; watched only where the database is on this machine. */
    minFreeBytes: z.int().min(0).default(1_000_000_000),
    /** A database that takes longer to answer is too slow to be given more. */
    slowDatabase: z
      .union([z.string(), z.number()], DURATION)
      .refine((value) => parseDuration(value) !== undefined, DURATION)
      .transform((value) => parseDuration(value) ?? 0)
      .default(2_000),
  })
  .prefault({});
