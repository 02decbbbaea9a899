import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Folder, placementOf, searchOrder } from '../../seeds/placement.ts';

function folder(path: string, specialUse?: string, selectable = true): Folder {
  return { path, name: path.split('/').at(-1) ?? path, specialUse, selectable };
}

test('the special use decides over the name', () => {
  assert.equal(placementOf(folder('Nachrichten', '\\Junk')), 'spam');
  assert.equal(placementOf(folder('Spam', '\\Archive')), 'tab');
});

test('junk folders are known by name in many languages, whatever the case and the separators', () => {
  const names = ['SPAM', 'Junk_E-Mail', 'Bulk Mail', 'Courrier indésirable', 'Спам', '迷惑メール', 'INBOX/Roskaposti'];
  for (const name of names) assert.equal(placementOf(folder(name)), 'spam', name);
  assert.equal(placementOf(folder('Courrier inde\u0301sirable')), 'spam', 'decomposed accents');
});

test('the inbox is the inbox in any case, and only at the top', () => {
  assert.equal(placementOf(folder('Inbox')), 'inbox');
  assert.equal(placementOf(folder('Lists/Inbox')), 'tab');
});

test('folders that hold copies or nothing are not searched; trash is no verdict of the provider', () => {
  for (const use of ['\\Sent', '\\Drafts', '\\All', '\\Flagged'])
    assert.equal(placementOf(folder('x', use)), undefined);
  assert.equal(placementOf(folder('[Gmail]', undefined, false)), undefined);
  assert.equal(placementOf(folder('Bin', '\\Trash')), 'unobserved');
});

test('the inbox is searched first and the trash last', () => {
  const order = searchOrder([
    folder('Bin', '\\Trash'),
    folder('Lists'),
    folder('Spam'),
    folder('INBOX'),
    folder('S', '\\Sent'),
  ]);
  assert.deepEqual(
    order.map((entry) => entry.folder.path),
    ['INBOX', 'Spam', 'Lists', 'Bin'],
  );
});
