import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvError, csvLine, readCsv } from '../../import/csv.ts';

async function* chunks(parts: readonly string[]) {
  yield* parts;
}

async function rows(...parts: string[]) {
  const all: { cells: readonly string[]; line: number }[] = [];
  for await (const row of readCsv(chunks(parts))) all.push(row);
  return all;
}

const cells = async (...parts: string[]) => (await rows(...parts)).map((row) => row.cells);

test('commas, quotes, every kind of line end, and no last one', async () => {
  assert.deepEqual(await cells('a,b\r\nc,"d, ""e"""\n\n"f\r\ng",\rh'), [
    ['a', 'b'],
    ['c', 'd, "e"'],
    ['f\r\ng', ''],
    ['h'],
  ]);
  assert.deepEqual(await cells('\uFEFFrecipient\r\n'), [['recipient']], 'a byte order mark is none of the text');
  assert.deepEqual(await cells(''), []);
  assert.deepEqual(await cells('""\r\n'), [], 'an empty line, whatever it costs');
});

test('rows know their line, behind lines inside quotes and empty ones as well', async () => {
  assert.deepEqual(
    (await rows('a\r\n\r\n"b\r\nc"\nd')).map((row) => row.line),
    [1, 3, 5],
  );
});

test('what is no CSV is named with its line', async () => {
  const fails = (text: string, line: number, says: RegExp) =>
    assert.rejects(rows(text), (error) => error instanceof CsvError && error.line === line && says.test(error.message));
  await fails('a\n"b', 2, /never closed/);
  await fails('a\nb\n"c"d', 3, /follows a closing quote/);
  await fails(`"${'x'.repeat(20_000)}`, 1, /never closed/);
  await fails('x'.repeat(20_000), 1, /longer than/);
});

test('what is written is read again, however it is cut into chunks', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\r', '\n', 'ö', '😀', ' ') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 5 }),
      fc.nat(5),
      async (table, size) => {
        const text = table.map(csvLine).join('');
        const parts = text.match(new RegExp(`[^]{1,${size + 1}}`, 'gu')) ?? [];
        assert.deepEqual(await cells(...parts), table);
      },
    ),
  );
});
