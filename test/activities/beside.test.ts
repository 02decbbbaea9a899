import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside } from '../../activities/beside.ts';

test('one run at a time; a failed one is told and the next begins; stopping waits, and nothing begins after it', async () => {
  const told: string[] = [];
  let runs = 0;
  let finish: (() => void) | undefined;
  const work = beside(
    async (ended) => {
      runs += 1;
      if (runs === 1) throw new Error('no name server');
      await new Promise<void>((resolve) => {
        finish = resolve;
        ended.addEventListener('abort', () => told.push('asked to end'));
      });
    },
    (error) => told.push(error.message),
  );
  work.begin();
  work.begin();
  assert.equal(runs, 1);
  await new Promise((resolve) => setImmediate(resolve));
  work.begin();
  assert.deepEqual([runs, told], [2, ['no name server']]);
  let beats = 0;
  const stopped = work.stop(() => {
    beats += 1;
    finish?.();
  });
  await stopped;
  work.begin();
  assert.deepEqual([runs, told, beats], [2, ['no name server', 'asked to end'], 1]);
});
