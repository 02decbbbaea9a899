/** `rampart lab run`, whole: a world of three days against real SMTP, IMAP, DNS, Temporal and PostgreSQL. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { rampart } from '../cli/command-line.ts';

const WORLD = path.join(import.meta.dirname, '../../lab/scenarios/three-days.json');

test('a world of three days is played, and its truth is held against what Rampart did', {
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-lab-run-'));
  await chmod(folder, 0o755);
  const dir = path.join(folder, 'run');
  try {
    const { code, stdout, stderr } = await rampart(['lab', 'run', WORLD, '--json', '--dir', dir]);
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const report = JSON.parse(stdout);
    assert.deepEqual(JSON.parse(await readFile(path.join(dir, 'lab.json'), 'utf8')), report);
    assert.equal(report.passed, true);
    assert.deepEqual(
      report.promises.map((one: { holds: boolean }) => one.holds),
      [true, true, true],
    );
    const happened = report.troubles.map((one: { provider: string; cause: string; calls: string }) => {
      return `${one.provider} ${one.cause} ${one.calls}`;
    });
    assert.ok(happened.includes('google seed-outage nothing'), happened.join(', '));
    assert.ok(happened.includes('other listing retreat'), happened.join(', '));
    const listing = report.troubles.find((one: { cause: string }) => one.cause === 'listing');
    assert.ok(listing.fromDay >= 1 && listing.fromDay < 1.5, `listed on day ${listing.fromDay}`);
    assert.ok(listing.harmed <= listing.sent);
    assert.ok(report.lanes.some((one: { provider: string }) => one.provider === 'google'));
    // Nothing was wrong at Google but for what watches it: to go back there is the mistake this world looks for.
    const wrong = report.falseReactions.filter((one: { provider: string }) => one.provider === 'google');
    assert.deepEqual(wrong, []);
  } finally {
    await removeEmbedded(dir);
    await rm(folder, { recursive: true, force: true });
  }
});
