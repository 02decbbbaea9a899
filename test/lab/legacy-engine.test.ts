import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLegacyEngine } from '../../lab/legacy-engine.ts';
import type { ReceivedLine } from '../../lab/records.ts';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { linesOf, provider, scenario, worldFor } from './support.ts';

const postfixHere = process.getuid?.() === 0 && existsSync('/usr/sbin/postfix');
const skip = postfixHere ? false : 'needs Postfix, as root: setup/setup.sh --lab';
const SENDER = { ip: '127.10.0.21', name: 'old-1.sender.example' };

test('the legacy engine delivers to each provider of the world from its own address, and writes down what became of it', {
  skip,
}, async (context) => {
  const { world, directory } = await worldFor(context, {
    scenario: scenario([provider('alpha'), provider('beta')]),
    senders: [SENDER],
    epoch: Date.now(),
  });
  const engine = await startLegacyEngine({
    port: await freePort(),
    sender: SENDER,
    providers: world.facts.providers,
    smtpPort: world.facts.smtpPort,
    dayLength: 60_000,
  });
  context.after(() => engine.stop());
  const client = new SmtpClient({ host: '127.0.0.1', port: engine.port });
  context.after(() => client.close());
  for (const domain of ['alpha.example', 'beta.example']) {
    const message = `Message-ID: <1@${domain}>\r\nFrom: <a@shop.example>\r\nTo: <reader@${domain}>\r\n\r\nHello.\r\n`;
    const sent = await client.send('bounce@shop.example', `reader@${domain}`, message);
    assert.ok(sent.kind === 'answered' && sent.code === 250, JSON.stringify(sent));
  }
  const arrived = async () => {
    await world.flush();
    const lines = await linesOf<ReceivedLine>(path.join(directory, 'received.jsonl'));
    return lines.filter((line) => line.kind === 'data');
  };
  for (const end = performance.now() + 30_000; (await arrived()).length < 2 && performance.now() < end; )
    await sleep(50);
  const seen = (await arrived()).map((line) => [line.provider, line.sourceIp, line.mailFrom, line.messageId]).sort();
  assert.deepEqual(seen, [
    ['alpha', SENDER.ip, 'bounce@shop.example', '<1@alpha.example>'],
    ['beta', SENDER.ip, 'bounce@shop.example', '<1@beta.example>'],
  ]);
  for (const end = performance.now() + 10_000; ; ) {
    const log = await readFile(engine.logFile, 'utf8');
    if (log.match(/status=sent/g)?.length === 2 && log.includes('message-id=<1@alpha.example>')) break;
    assert.ok(performance.now() < end, log);
    await sleep(50);
  }
});
