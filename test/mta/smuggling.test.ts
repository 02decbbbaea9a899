/**
 * SMTP smuggling and its relatives: bytes that one server takes for the end of a message and another for its text.
 * Every trick is sent whole, and cut in two at every byte, since a parser that looks at chunks can be right about one
 * and wrong about the other.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDatabases } from './databases.ts';
import { until } from './mail-world.ts';
import { plain, Raw } from './raw-client.ts';
import { certificate, MESSAGE, openWaysIn } from './ways-in.ts';

const databases = await startDatabases();
after(() => databases.stop());

const LOGIN = plain('shop', 'secret');
const NEXT = 'MAIL FROM:<evil@shop.example>\r\nRCPT TO:<victim@provider.example>\r\nDATA\r\n';

async function inData(client: Raw): Promise<void> {
  assert.match(await client.all('MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>', 'DATA'), /^354 /);
}

/** Ends of data that are none: what follows must stay text, and the text be refused before it is signed or sent on. */
const TRICKS = [
  '\n.\n',
  '\r.\r',
  '\n.\r\n',
  '\r.\r\n',
  '\r\n.\n',
  '\r\n.\r',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n.\r\r\n',
  '\r\n.\n\r\n',
  '\r\r\n.\r\r\n',
  '\n.\r',
  '\r\n\x00\r\n.\0\r\n',
];

test('no trick ends a message: it is refused as a whole, and what was smuggled is never a command', async (context) => {
  const { client, stored } = await openWaysIn(context, databases);
  const raw = await client();
  await raw.all('EHLO client', LOGIN);
  for (const trick of TRICKS) {
    await inData(raw);
    raw.write(`${MESSAGE}text${trick}${NEXT}`);
    raw.write('smuggled\r\n.\r\n');
    const shown = JSON.stringify(trick);
    assert.match(await raw.reply(), /^554 5\.6\.0 (bare (LF|CR)|NUL) /, shown);
    assert.match(await raw.say('NOOP'), /^250 /, `${shown} left nothing behind`);
  }
  assert.deepEqual(await stored(), []);
});

test('cut in two at every byte around the end, a trick stays refused and an honest message stays one', async (context) => {
  const { client, stored } = await openWaysIn(context, databases);
  const raw = await client();
  await raw.all('EHLO client', LOGIN);
  const cut = async (bytes: string, at: number) => {
    await inData(raw);
    raw.write(bytes.slice(0, at));
    // Long enough for the first part to be read by itself; where it is not, the case is that of the whole.
    await sleep(3);
    raw.write(bytes.slice(at));
    return raw.reply();
  };
  let honest = 0;
  const end = `${MESSAGE}..dots\r\n...\r\n.\r\n`;
  for (let at = end.length - 16; at < end.length; at++) {
    assert.match(await cut(end, at), /^250 /, `cut at ${at}`);
    honest += 1;
  }
  for (const trick of TRICKS) {
    const bytes = `${MESSAGE}x${trick}${NEXT}\r\n.\r\n`;
    const from = MESSAGE.length;
    for (let at = from; at <= from + trick.length + 2; at++) {
      assert.match(await cut(bytes, at), /^554 5\.6\.0 /, `${JSON.stringify(trick)} cut at ${at - from}`);
    }
  }
  const messages = await stored();
  assert.equal(messages.length, honest);
  for (const { raw: text } of messages) assert.ok(text.endsWith('Hello.\r\n.dots\r\n..\r\n'), 'unstuffed once');
});

test('a message byte by byte, and the next command right behind its end', async (context) => {
  const { client, stored } = await openWaysIn(context, databases);
  const raw = await client();
  await raw.all('EHLO client', LOGIN);
  await inData(raw);
  for (const byte of `${MESSAGE}.\r\n`) {
    raw.write(byte);
    await sleep(0);
  }
  assert.match(await raw.reply(), /^250 /);
  await inData(raw);
  raw.write(`${MESSAGE}.\r\nMAIL FROM:<c@shop.example>\r\nRCPT TO:<d@provider.example>\r\nDATA\r\n`);
  for (const reply of [/^250 .*queued/, /^250 /, /^250 /, /^354 /]) assert.match(await raw.reply(), reply);
  raw.write('.\r\n');
  assert.match(await raw.reply(), /^554 .*no From header/, 'an empty message is no message');
  assert.equal((await stored()).length, 2);
});

test('BDAT and BINARYMIME are not there, nor XCLIENT and the old jokes', async (context) => {
  const { client } = await openWaysIn(context, databases);
  const raw = await client();
  assert.doesNotMatch(await raw.say('EHLO client'), /CHUNKING|BINARYMIME|XCLIENT/);
  await raw.say(LOGIN);
  for (const command of ['BDAT 5 LAST', 'XCLIENT ADDR=10.0.0.1', 'WIZ', 'SHELL'])
    assert.match(await raw.say(command), /^50[02] /);
  assert.match(await raw.say('MAIL FROM:<a@shop.example> BODY=BINARYMIME'), /^501 /);
  assert.match(await raw.say('MAIL FROM:<a@shop.example> HOLDFOR=5'), /^555 5\.5\.4 Parameter HOLDFOR/);
});

test('commands sent with STARTTLS are dropped, and what was said before is forgotten', async (context) => {
  const tls = certificate(databases.folder, 'starttls');
  const { client, stored } = await openWaysIn(context, databases, { submission: { tls } });
  const raw = await client();
  await raw.all('EHLO plain.example', LOGIN);
  raw.write(`STARTTLS\r\n${NEXT}smuggled\r\n.\r\n${'NOOP\r\n'.repeat(300)}`);
  assert.match(await raw.reply(), /^220 /);
  // The bytes behind STARTTLS are no handshake: our client hello follows them, and nothing of them may be answered.
  await raw.secure().catch(() => {});
  await sleep(50);
  assert.doesNotMatch(raw.unread, /^[2345]\d\d/);

  const second = await client();
  await second.all('EHLO plain.example', LOGIN, 'MAIL FROM:<a@shop.example>', 'STARTTLS');
  await second.secure();
  assert.match(await second.say('RCPT TO:<b@provider.example>'), /^503 /, 'EHLO is due again');
  await second.say('EHLO secure.example');
  assert.match(await second.say('MAIL FROM:<a@shop.example>'), /^530 /, 'so is AUTH');
  assert.deepEqual(await stored(), []);
});

test('nothing of a message stays when the client goes away before its end', async (context) => {
  const { client, injection, stored } = await openWaysIn(context, databases);
  const raw = await client();
  await raw.all('EHLO client', LOGIN);
  await inData(raw);
  raw.write(`${MESSAGE}half\r\n.\r`);
  await sleep(20);
  raw.close();
  const other = await Raw.greeted('127.0.0.1', injection.submissionPort);
  await other.all('EHLO client', LOGIN);
  await inData(other);
  assert.match(await other.data(MESSAGE), /^250 /);
  other.close();
  await until('both are gone', () => other.closed);
  assert.equal((await stored()).length, 1);
});
