/** A worker: workflows from the prebuilt bundle, activities bound by the caller. */
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Activities } from '../activities/types.ts';
import { workflowBundle } from './bundle.ts';
import { NAMESPACE, TASK_QUEUE } from './contracts.ts';

export interface WorkerOptions {
  /** host:port of a local server; absent: TEMPORAL_ADDRESS and its companions (envconfig). */
  readonly address?: string;
  readonly namespace?: string;
  readonly activities: Activities;
  /** A compressed calendar: a worker that dies must not cost days of waiting for its sticky queue. */
  readonly compressed: boolean;
}

export interface RunningWorker {
  /** Ends when the worker has drained; rejects if it failed. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  Runtime.install({
    logger: new DefaultLogger('WARN', (entry) =>
      console.error(JSON.stringify({ at: 'temporal', level: entry.level, message: entry.message })),
    ),
  });
  const config = options.address === undefined ? loadClientConnectConfig() : undefined;
  const connection = await NativeConnection.connect(
    config?.connectionOptions ?? { address: options.address as string },
  );
  const worker = await Worker.create({
    connection,
    namespace: options.namespace ?? config?.namespace ?? NAMESPACE,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: await workflowBundle() },
    activities: options.activities as unknown as Record<string, (...args: never[]) => Promise<unknown>>,
    maxConcurrentActivityTaskExecutions: 50,
    ...(options.compressed ? { stickyQueueScheduleToStartTimeout: '1s' } : {}),
    // The watch runs until it is cancelled; nothing else heeds it, and what has begun is finished all the same.
    shutdownGraceTime: '500ms',
  });
  const done = worker.run().finally(() => connection.close());
  return {
    done,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}
