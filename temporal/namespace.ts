/** Makes sure the namespace is there: a cluster of one's own may not have it yet; Temporal Cloud makes it in its console. */
import type { Connection } from '@temporalio/client';

/** gRPC status codes (grpc.io/docs/guides/status-codes). */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
/** How long finished runs are kept, seconds: longer than a ramp, so that its whole story can be read there too. */
const RETENTION_S = 60 * 86_400;

/** Registers the namespace unless it is there. Rejects in one line where that is not allowed. */
export async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_FOUND) throw error;
    try {
      await connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: { seconds: RETENTION_S as never },
      });
    } catch (refused) {
      const { code, message } = refused as { code?: number; message: string };
      if (code === ALREADY_EXISTS) return;
      throw new Error(
        `Temporal has no namespace "${namespace}" and does not let us make it (${message}): make it, or set TEMPORAL_NAMESPACE`,
      );
    }
  }
}
