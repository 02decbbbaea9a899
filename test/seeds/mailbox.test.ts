import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { observe, type SeedAccount } from '../../seeds/mailbox.ts';
import { type Dovecot, dovecotMissing, startDovecot } from './dovecot.ts';

const missing = await dovecotMissing();

/** Modified UTF-7 (RFC 3501 §5.1.3) of "Courrier indésirable", as Maildir++ stores it. */
const FRENCH_JUNK = '.Courrier ind&AOk-sirable';

function message(id: string): string {
  return `From: a@example.com\r\nTo: seed@example.net\r\nSubject: news\r\nMessage-ID: ${id}\r\n\r\nhello\r\n`;
}

describe('looking into a seed mailbox on a real Dovecot', { skip: missing ?? false }, () => {
  let dovecot: Dovecot;
  const account = (user: string, change: Partial<SeedAccount> = {}): SeedAccount => ({
    provider: 'google',
    address: `${user}@example.net`,
    host: '127.0.0.1',
    port: dovecot.port,
    secure: false,
    user,
    password: 'seed',
    ...change,
  });

  before(async () => {
    dovecot = await startDovecot(['plain', 'french', 'filed', 'broken']);
  });
  after(() => dovecot.stop());

  test('inbox, announced junk folder and absence are told apart', async () => {
    await dovecot.deliver('plain', '', message('<in@test>'));
    await dovecot.deliver('plain', '.Abseits', message('<junk@test>'));
    const began = Date.now();
    const seen = await observe(account('plain'), ['<in@test>', '<junk@test>', '<never@test>']);
    assert.equal(seen['<in@test>']?.placement, 'inbox');
    assert.equal(seen['<in@test>']?.folder, 'INBOX');
    assert.ok(Math.abs((seen['<in@test>']?.seenAt ?? 0) - began) < 60_000, 'seenAt is when the server took it');
    assert.equal(seen['<junk@test>']?.placement, 'spam');
    assert.equal(seen['<junk@test>']?.folder, 'Abseits');
    assert.deepEqual(seen['<never@test>'], { placement: 'missing' });
  });

  test('looking leaves no trace: a second look sees the same', async () => {
    const ids = ['<in@test>', '<junk@test>'];
    assert.deepEqual(await observe(account('plain'), ids), await observe(account('plain'), ids));
  });

  test('a localised junk folder counts although the server announces no special use for it', async () => {
    await dovecot.deliver('french', FRENCH_JUNK, message('<indesirable@test>'));
    const seen = await observe(account('french'), ['<indesirable@test>']);
    assert.equal(seen['<indesirable@test>']?.placement, 'spam');
    assert.equal(seen['<indesirable@test>']?.folder, 'Courrier indésirable');
  });

  test('a message in the inbox is not hidden by its copy in another folder', async () => {
    await dovecot.deliver('filed', '.Lists', message('<both@test>'));
    await dovecot.deliver('filed', '', message('<both@test>'));
    await dovecot.deliver('filed', '.Lists', message('<apart@test>'));
    const seen = await observe(account('filed'), ['<both@test>', '<apart@test>']);
    assert.equal(seen['<both@test>']?.placement, 'inbox');
    assert.equal(seen['<apart@test>']?.placement, 'tab');
  });

  test('a refused login is unobserved, with the reason, never missing', async () => {
    const seen = await observe(account('plain', { password: 'wrong' }), ['<in@test>', '<never@test>']);
    assert.equal(seen['<in@test>']?.placement, 'unobserved');
    assert.equal(seen['<never@test>']?.placement, 'unobserved');
    assert.match(seen['<in@test>']?.reason ?? '', /plain@example\.net.*(Authentication|credentials|login)/i);
  });

  test('a server that is down is unobserved', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    assert.ok(address !== null && typeof address === 'object');
    const seen = await observe(account('plain', { port: address.port }), ['<in@test>']);
    assert.equal(seen['<in@test>']?.placement, 'unobserved');
    assert.match(seen['<in@test>']?.reason ?? '', /ECONNREFUSED/);
  });
});

test('a folder that cannot be searched makes absent messages unobserved, but keeps what was seen elsewhere', async () => {
  const answers = (command: string, folder: string): string[] | undefined => {
    if (/^(EXAMINE|SELECT)/.test(command) && folder === 'Spam') return ['NO Mailbox is locked'];
    if (/^UID SEARCH .*here@test/.test(command)) return ['* SEARCH 1', 'OK'];
    return undefined;
  };
  await withScriptedServer('IMAP4rev1', answers, async (account) => {
    const seen = await observe(account, ['<here@test>', '<gone@test>']);
    assert.equal(seen['<here@test>']?.placement, 'inbox');
    assert.equal(seen['<here@test>']?.seenAt, Date.UTC(2026, 6, 1, 10));
    assert.equal(seen['<gone@test>']?.placement, 'unobserved');
    assert.match(seen['<gone@test>']?.reason ?? '', /Spam/);
  });
});

test('folders are opened with EXAMINE: a probe that looks read was not judged like unread mail', async () => {
  const opened: string[] = [];
  const noting = (command: string): undefined => {
    if (/^(EXAMINE|SELECT)/.test(command)) opened.push(command.split(' ')[0] ?? '');
  };
  await withScriptedServer('IMAP4rev1', noting, async (account) => {
    await observe(account, ['<gone@test>']);
    assert.deepEqual(opened, ['EXAMINE', 'EXAMINE']);
  });
});

test('a search that the server refuses is unobserved, not missing', async () => {
  const refusing = (command: string) => (/^UID SEARCH/.test(command) ? ['NO try later'] : undefined);
  await withScriptedServer('IMAP4rev1', refusing, async (account) => {
    assert.equal((await observe(account, ['<gone@test>']))['<gone@test>']?.placement, 'unobserved');
  });
});

test("Gmail's tabs are asked of its own search", async () => {
  const gmail = (command: string): string[] | undefined => {
    if (/X-GM-RAW/.test(command)) return [/promo@test/.test(command) ? '* SEARCH 1' : '* SEARCH', 'OK'];
    if (/^UID SEARCH/.test(command)) return ['* SEARCH 1', 'OK'];
    return undefined;
  };
  await withScriptedServer('IMAP4rev1 X-GM-EXT-1', gmail, async (account) => {
    const seen = await observe(account, ['<promo@test>', '<first@test>']);
    assert.equal(seen['<promo@test>']?.placement, 'tab');
    assert.equal(seen['<first@test>']?.placement, 'inbox');
  });
});

/** What Dovecot can't be made to do: an IMAP server whose answers a test scripts. It has INBOX and Spam, both empty. */
async function withScriptedServer(
  capabilities: string,
  script: (command: string, folder: string) => string[] | undefined,
  use: (account: SeedAccount) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`* OK [CAPABILITY ${capabilities}] ready\r\n`);
    createInterface({ input: socket }).on('line', (line) => {
      const [tag = '*', ...words] = line.split(' ');
      const command = words.join(' ');
      const lines = script(command, /Spam/.test(command) ? 'Spam' : 'INBOX') ?? usual(command, capabilities);
      const last = lines.length - 1;
      socket.write(lines.map((text, index) => `${index === last ? `${tag} ` : ''}${text}\r\n`).join(''));
      if (command === 'LOGOUT') socket.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    const there = { host: '127.0.0.1', port: address.port, secure: false };
    await use({ ...there, provider: 'google', address: 'seed@example.net', user: 'u', password: 'p' });
  } finally {
    server.close();
  }
}

function usual(command: string, capabilities: string): string[] {
  if (command === 'CAPABILITY') return [`* CAPABILITY ${capabilities}`, 'OK'];
  if (command === 'LIST "" ""') return ['* LIST (\\Noselect) "/" ""', 'OK'];
  if (/^X?LIST/.test(command)) return ['* LIST () "/" INBOX', '* LIST () "/" Spam', 'OK'];
  if (/^(EXAMINE|SELECT)/.test(command)) {
    return ['* 1 EXISTS', '* OK [UIDVALIDITY 1]', '* OK [UIDNEXT 2]', '* FLAGS ()', 'OK [READ-ONLY] done'];
  }
  if (/^UID SEARCH/.test(command)) return ['* SEARCH', 'OK'];
  if (/^UID FETCH/.test(command)) return ['* 1 FETCH (UID 1 INTERNALDATE "01-Jul-2026 10:00:00 +0000")', 'OK'];
  return command === 'LOGOUT' ? ['* BYE', 'OK'] : ['OK'];
}
