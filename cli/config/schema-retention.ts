/** How long finished mail is kept (mta/retention.ts). */
import { z } from 'zod';

/** Plans, evidence and volumes look back 30 days. */
const LEAST = 31;

export const retentionSchema = z
  .strictObject({
    /** Days after its last attempt at which a finished message, its attempts and minute counts go. */
    days: z.int().min(LEAST, `at least ${LEAST}: plans and evidence look back 30 days`).default(45),
  })
  .prefault({});
