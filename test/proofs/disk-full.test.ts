/** A disk that fills up under load. It needs a small disk of its own, and so root: part of `make proofs`, not of the suite. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MARKS } from '../../mta/injection/back-pressure.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { startDatabases } from '../mta/databases.ts';
import { inject } from '../mta/injectors.ts';
import { MailWorld, until } from '../mta/mail-world.ts';
import { startSink } from '../mta/sinks.ts';

const MX = '127.30.9.1';
const WARM = '127.31.9.1';

/** A tmpfs is enough: what counts is that writes fail with ENOSPC. */
async function smallDisk(megabytes: number): Promise<string> {
  assert.equal(process.getuid?.(), 0, 'mounting a small disk needs root: sudo make proofs');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-disk-'));
  await chmod(folder, 0o755);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder]);
  return folder;
}

/** Writes until the disk is full. */
async function fill(file: string): Promise<void> {
  const piece = Buffer.alloc(1_000_000);
  for (;;) {
    try {
      await appendFile(file, piece);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      return;
    }
  }
}

const disk = await smallDisk(420);
const databases = await startDatabases(disk);
// After the test's own hooks: its processes still use the database.
after(async () => {
  await databases.stop();
  // Lazily: a server that failed may hold it a little longer.
  execFileSync('umount', ['-l', disk]);
  await rm(disk, { recursive: true });
});

test('a full disk refuses mail with 4xx; what got 250 is there when it has room again, once', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink(MX, world.smtpPort);
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', MX]]);
  await world.lane(WARM, 'other', 'warm', 1_000_000);
  const port = await freePort();
  // Without the mark: it is what comes when the watch over the disk was too late that is shown here.
  await world.mta('mta-1', {
    submission: { ...world.settings().submission, port },
    backPressure: { ...MARKS, minFreeBytes: 0 },
  });
  const header = `X-Filler: ${'x'.repeat(900)}\r\n`.repeat(15);
  const injection = inject(port, { clients: 8, everyMs: 2, domain: 'provider.example', header });
  await until('mail flows', () => injection.accepted.size > 100);

  const filler = path.join(disk, 'filler');
  await fill(filler);
  const before = injection.refusals.length;
  // A server that died of it may have committed what it was told last: those clients wait until that can be known, or
  // their patience is over.
  await until('mail is refused', () => injection.refusals.length > before + 20, 150_000);
  await sleep(2_000);
  const full = injection.accepted.size;
  await rm(filler);
  // PostgreSQL ends itself when its log can not be written; whoever runs it starts it again.
  await databases.restart().catch(() => databases.restart());
  await until('mail is accepted again', () => injection.accepted.size > full + 50, 60_000);
  await injection.stop();
  await until('the queue is empty', async () => (await world.queue()).length === 0, 60_000);

  assert.ok(injection.refusals.slice(before).every((reply) => reply.startsWith('4')));
  const counts = new Map<string, number>();
  for (const { messageId } of sink.taken) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
  assert.deepEqual(
    [...injection.accepted].filter((id) => !counts.has(id)),
    [],
    'lost',
  );
  const inDoubt = (await world.attempts()).filter((one) => one.severity === 'in-doubt').length;
  const doubled = [...counts.values()].reduce((sum, count) => sum + count - 1, 0);
  assert.ok(doubled <= inDoubt, `${doubled} doubled, ${inDoubt} in doubt`);
});
