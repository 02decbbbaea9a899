import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageText } from '../../mta/injection/message-text.ts';

function reader(text: MessageText) {
  const heard: string[] = [];
  text.on('data', (chunk: Buffer) => heard.push(String(chunk)));
  text.on('end', () => heard.push('end'));
  return heard;
}

test('a reader hears every chunk at once, and of the end after the parser is done', async () => {
  const text = new MessageText();
  const heard = reader(text);
  assert.equal(text.write(Buffer.from('a')), true);
  text.end(Buffer.from('b'));
  assert.deepEqual(heard, ['a', 'b']);
  assert.deepEqual([text.readable, text.writable, text.writableEnded, text.readableEnded], [true, false, true, false]);
  await Promise.resolve();
  assert.deepEqual(heard, ['a', 'b', 'end']);
  assert.deepEqual([text.readable, text.readableEnded], [false, true]);
});

test('what comes before its reader is held, and the parser told to wait', async () => {
  const text = new MessageText();
  assert.equal(text.write(Buffer.from('a')), false);
  let drained = 0;
  text.on('drain', () => {
    drained += 1;
  });
  const heard = reader(text);
  assert.deepEqual([...heard, drained], ['a', 1]);
  const late = new MessageText();
  late.end(Buffer.from('a'));
  const all = reader(late);
  await Promise.resolve();
  assert.deepEqual(all, ['a', 'end']);
});

test('a client that goes away in the middle is an error, never an end', async () => {
  const text = new MessageText();
  const heard = reader(text);
  text.on('error', (error: Error) => heard.push(error.message));
  text.on('close', () => heard.push('close'));
  text.write(Buffer.from('a'));
  text.destroy(new Error('gone'));
  text.destroy(new Error('gone'));
  await Promise.resolve();
  assert.deepEqual(heard, ['a', 'gone', 'close']);
  assert.deepEqual([text.readable, text.writable, text.destroyed], [false, false, true]);
});
