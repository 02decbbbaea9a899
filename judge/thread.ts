/** A worker thread: takes a job, answers with its result, waits for the next. */
import { parentPort } from 'node:worker_threads';
import { type JobName, RUN } from './jobs.ts';

parentPort?.on('message', ({ name, input }: { name: JobName; input: never }) => {
  parentPort?.postMessage((RUN[name] as (input: never) => unknown)(input));
});
