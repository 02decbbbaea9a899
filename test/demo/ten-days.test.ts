import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { demo } from '../../cli/demo/demo.ts';
import { removeEmbedded } from '../../store/embedded/start.ts';

/**
 * The demo in its short form: real SMTP, IMAP, Temporal and PostgreSQL, ten plan days, a clampdown and a dead campaign.
 * Its exit conditions are the test; cli/demo/verdict.ts says what each one means and is tested by itself.
 */
test('ten days of one address hold everything the demo promises', { timeout: 300_000 }, async () => {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'rampart-demo-'));
  await chmod(dataDir, 0o755);
  try {
    const held = await demo({ days: 10, json: false, dataDir });
    const report = JSON.parse(await readFile(path.join(dataDir, 'report.json'), 'utf8'));
    const failed = report.conditions.filter((one: { holds: boolean }) => !one.holds);
    assert.deepEqual(failed, []);
    assert.equal(held, true);
    assert.equal(report.passed, true);
    assert.ok(
      report.decisions.some(
        (one: { kind: string; evidence: unknown[] }) => one.kind === 'advance' && one.evidence.length > 0,
      ),
    );
    assert.ok(
      report.totals.some(
        (one: { address: string; received: number }) => one.address === report.addresses.cold && one.received > 500,
      ),
    );
  } finally {
    await removeEmbedded(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }
});
