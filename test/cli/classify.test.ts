import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { repliesIn, replyLine } from '../../cli/classify/lines.ts';
import { rampart } from './command-line.ts';

const launcher = path.join(import.meta.dirname, '..', '..', 'rampart');
const fixtures = path.join(import.meta.dirname, '..', 'fixtures', 'mail');

const QMAIL = [
  'Return-Path: <>',
  'From: MAILER-DAEMON@ns.example.net',
  'Subject: failure notice',
  '',
  'Hi. This is the qmail-send program at ns.example.net.',
  "I'm afraid I wasn't able to deliver your message to the following addresses.",
  '',
  '<gone@example.net>:',
  'Remote host said: 550 5.1.1 user unknown',
  '',
].join('\n');

/** Runs a command line with something on its standard input. */
function withInput(args: readonly string[], input: string): Promise<{ code: number | null; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(launcher, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout }));
    child.stdin.end(input);
  });
}

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rampart-classify-'));
  await mkdir(path.join(folder, 'new', 'deep'), { recursive: true });
  await writeFile(path.join(folder, 'new', '1754.M1P2.host:2,S'), QMAIL);
  await writeFile(path.join(folder, 'new', 'deep', 'b'), QMAIL.replaceAll('gone', 'away'));
  await writeFile(path.join(folder, 'a'), 'From: kim@example.org\nSubject: Lunch?\n\nAt noon?\n');
});
after(() => rm(folder, { recursive: true, force: true }));

describe('rampart classify', () => {
  test('a folder: every file below it, sorted, one line of JSON each, with exactly the documented keys', async () => {
    const { code, stdout } = await rampart(['classify', '--json', folder]);
    assert.equal(code, 0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ file, kind }) => [path.relative(folder, file), kind]),
      [
        ['a', 'other'],
        ['new/1754.M1P2.host:2,S', 'bounce'],
        ['new/deep/b', 'bounce'],
      ],
    );
    assert.deepEqual(lines[1], {
      file: path.join(folder, 'new', '1754.M1P2.host:2,S'),
      kind: 'bounce',
      recipients: [
        {
          recipient: 'gone@example.net',
          action: 'failed',
          status: '5.1.1',
          class: 'recipient',
          severity: 'hard',
          reply: '550 5.1.1 user unknown',
        },
      ],
      feedback: null,
    });
  });

  test('complaints have their eight fields', async () => {
    const { stdout } = await rampart(['classify', '--json', path.join(fixtures, 'arf-minimal.eml')]);
    const { kind, recipients, feedback } = JSON.parse(stdout);
    assert.deepEqual([kind, recipients], ['feedback', []]);
    assert.deepEqual(Object.keys(feedback), [
      'type',
      'userAgent',
      'version',
      'sourceIp',
      'originalRecipients',
      'mailFrom',
      'messageId',
      'arrivalDate',
    ]);
  });

  test('standard input, and a table for people', async () => {
    const { code, stdout } = await withInput(['classify', '--json', '-'], QMAIL.replaceAll('\n', '\r'));
    assert.equal(code, 0);
    assert.deepEqual([JSON.parse(stdout).file, JSON.parse(stdout).kind], ['-', 'bounce']);
    const table = await rampart(['classify', path.join(folder, 'new')]);
    assert.match(table.stdout, /^file +kind +recipient +severity/);
    assert.match(table.stdout, /bounce +away@example\.net +hard +recipient +5\.1\.1/);
  });

  test('what cannot be read is named, the rest is done, and the exit code says so', async () => {
    const socket = path.join(folder, 'socket');
    const server = createServer().listen(socket);
    try {
      const { code, stdout, stderr } = await rampart(['classify', '--json', socket, path.join(folder, 'a')]);
      assert.equal(code, 1);
      assert.match(stderr, /socket: /);
      assert.equal(JSON.parse(stdout).kind, 'other');
    } finally {
      server.close();
    }
  });

  test('a named pipe is read to its end', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [{ code, stdout }] = await Promise.all([rampart(['classify', '--json', pipe]), writeFile(pipe, QMAIL)]);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).kind, 'bounce');
    await rm(pipe);
  });

  test('a path that is not there is bad input, and nothing else is read', async () => {
    const { code, stderr } = await rampart(['classify', path.join(folder, 'a'), path.join(folder, 'nothing')]);
    assert.equal(code, 2);
    assert.match(stderr, /nothing: no such file or folder/);
    assert.equal((await rampart(['classify'])).code, 2);
  });
});

describe('rampart classify reply', () => {
  test('one reply', async () => {
    const said = '550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown';
    const { code, stdout } = await rampart(['classify', 'reply', '--json', said]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      reply: said,
      class: 'recipient',
      scope: 'recipient',
      severity: 'hard',
      action: 'suppress',
    });
  });

  test('replies on standard input, a multi-line one joined', async () => {
    const input =
      '550-5.1.1 The account that you tried\r\n550 5.1.1 to reach does not exist\r\n451 4.7.1 Greylisted\r\n';
    const { stdout } = await withInput(['classify', 'reply', '--json', '-'], input);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ class: of, severity, action }) => [of, severity, action]),
      [
        ['recipient', 'hard', 'suppress'],
        ['greylist', 'none', 'retry'],
      ],
    );
  });

  test('an unknown provider is refused with the names that exist', async () => {
    const { code, stderr } = await rampart(['classify', 'reply', '--provider', 'gmail', '550 no']);
    assert.equal(code, 2);
    assert.match(stderr, /use one of other, google/);
  });

  test('a provider narrows the reading', () => {
    assert.equal(replyLine('421 4.7.0 [TSS04] later', 'yahoo').class, 'reputation');
    assert.equal(replyLine('421 4.7.0 [TSS04] later', 'google').class, 'infrastructure');
    assert.equal(replyLine('421 4.7.0 [TSS04] later').class, 'reputation');
  });

  test('texts without a code in front', () => {
    assert.equal(replyLine('host mx1.example.net[192.0.2.1] said: 450 4.2.1 busy').severity, 'none');
    assert.equal(replyLine('smtp; 550 5.1.1 user unknown').severity, 'hard');
    assert.equal(replyLine('user unknown').severity, 'hard');
    assert.equal(replyLine('').severity, 'soft');
  });

  test('which lines make one reply', () => {
    assert.deepEqual(repliesIn('550-a\n550-b\n550 c\n\n421 d\r\n250-e\n451 f'), [
      '550-a\n550-b\n550 c',
      '421 d',
      '250-e',
      '451 f',
    ]);
  });
});
