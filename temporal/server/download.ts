import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { downloadedPath } from './locate.ts';

/**
 * A program, run by provision.ts as `download.ts <cache folder>`: lets Temporal's TypeScript SDK download its own
 * pinned server into the cache folder. A process of its own, because the SDK's download has no time limit and can
 * only be ended with its process.
 */
const target = downloadedPath(process.argv[2] ?? '.');
await mkdir(path.dirname(target), { recursive: true });
// Without internet some networks swallow packets: find out in seconds, not when TCP gives up.
await fetch('https://temporal.download/', { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
// The SDK downloads only on its way to a running server: start one in memory and end it.
const server = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', downloadDir: path.dirname(target) } },
});
await server.teardown();
