import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENDS } from '../../import/outcome.ts';
import { explain } from '../../import/powermta/explain.ts';
import { itemsOf } from '../../import/powermta/lines.ts';
import { expand } from '../../import/powermta/macros.ts';
import { addressesOf, dailyLimitsOf, inNetwork, intervalOf, rateOf, sizeOf } from '../../import/powermta/values.ts';
import { imported, treeOf } from './powermta-files.ts';

test('lines are directives, blocks, patterns or nothing; comments end them everywhere', () => {
  const items = itemsOf(
    '# c\nhost-name a.example # b\n<Domain "gmail.com">\n/spam#x/ y\n</domain>\n\nwhat?\n<open\n',
    'f',
  );
  assert.deepEqual(
    items.map((item) => item.kind),
    ['nothing', 'directive', 'open', 'directive', 'close', 'nothing', 'broken', 'broken'],
  );
  assert.deepEqual(items[2], { kind: 'open', tag: 'domain', parameter: 'gmail.com', file: 'f', line: 3, lines: 1 });
});

test('a macro list that is broken after a comma goes on in the next line', () => {
  const [macro, next] = itemsOf('domain-macro tops com, net,\n  org\nhost-name a\n', 'f');
  assert.equal(macro?.kind === 'directive' && macro.value, 'tops com, net, org');
  assert.equal(macro?.lines, 2);
  assert.equal(next?.line, 3);
});

test('values are read as the guide writes them, and nothing else is guessed', () => {
  assert.equal(intervalOf('1w2d12h30m5s'), 822_605);
  assert.equal(intervalOf('soon'), undefined);
  assert.deepEqual(rateOf('83/10m'), { count: 83, seconds: 600 });
  assert.deepEqual(rateOf('1500/hr'), { count: 1500, seconds: 3600 });
  assert.equal(rateOf('unlimited'), 'unlimited');
  for (const wrong of ['5', '5/x', '/h', '5/0h', '-1/h']) assert.equal(rateOf(wrong), undefined, wrong);
  assert.equal(sizeOf('250M'), 262_144_000);
  assert.deepEqual(dailyLimitsOf('50/d, 100/day,0'), [50, 100, 0]);
  assert.equal(dailyLimitsOf('50/h'), undefined);
  assert.deepEqual(addressesOf('198.51.100.9/30'), ['198.51.100.8', '198.51.100.9', '198.51.100.10', '198.51.100.11']);
  assert.equal(addressesOf('10.0.0.0/8'), undefined);
  assert.equal(inNetwork('198.51.100.9', '0/0'), true);
  assert.equal(inNetwork('198.51.100.9', '198.51/16'), true);
  assert.equal(inNetwork('198.51.100.9', '198.51.100.8'), false);
});

test('macros nest, multiply, and may not come back to themselves', () => {
  const macros = new Map([
    ['top', ['com', 'co.$uk']],
    ['uk', ['uk']],
    ['a', ['$b']],
    ['b', ['x.$a']],
  ]);
  assert.deepEqual(expand('yahoo.$top', macros), { texts: ['yahoo.com', 'yahoo.co.uk'] });
  assert.deepEqual(expand('$a.example', macros), { problem: 'domain-macro a comes back to itself' });
  assert.deepEqual(expand('$none', macros), { problem: 'there is no domain-macro none' });
  const many = new Map([...'abcdefgh'].map((name) => [name, Array.from({ length: 10 }, (_, n) => String(n))]));
  assert.match(JSON.stringify(expand('$a.$b.$c.$d.$e.$f.$g.$h', many)), /more than 10000/);
});

test('an include stands for its text, also inside a block; one that includes itself is told', () => {
  const text =
    '<virtual-mta v>\ninclude parts/*.conf\n</virtual-mta>\ninclude config\ninclude none\ninclude http://x/y\n';
  const { outcomes, draft } = imported(text, {
    'parts/a.conf': 'smtp-source-host 198.51.100.8 a.example\n',
    'parts/b.conf': '<domain gmail.com>\nmax-smtp-out 4\n</domain>\n',
  });
  assert.equal(draft.pools.v?.addresses?.[0]?.ip, '198.51.100.8');
  assert.equal(draft.shaping?.providers?.google?.connections, 4);
  const includes = outcomes.filter((one) => one.directive === 'include').map((one) => [one.line, one.end, one.says]);
  assert.deepEqual(includes, [
    [2, 'translated', 'read: 2 files'],
    [4, 'not-supported', 'it includes itself: what was open already was not read again'],
    [5, 'not-supported', 'no file of that name is here: copy it beside the configuration'],
    [6, 'not-supported', 'an include over HTTP is not fetched: save it as a file'],
  ]);
});

test('a block without end, and an end without block, are told with their lines', () => {
  const { broken } = treeOf('</domain>\n<domain a.example>\nmax-smtp-out 1\n');
  assert.deepEqual(
    broken.map(({ line, says }) => [line, says]),
    [
      [1, '</domain> ends no block that is open here'],
      [2, '<domain> has no </domain> in this file: it was taken to end with the file'],
    ],
  );
});

/** Pieces of real configurations, and of none. */
const piece = fc.oneof(
  fc.constantFrom(
    '<domain *>',
    '<domain gmail.com>',
    '<domain yahoo.$tops>',
    '<virtual-mta v1>',
    '<virtual-mta-pool p>',
    '<source 0/0>',
    '<smtp-user app>',
    '<acct-file |/bin/x --token t>',
    '<nobody knows>',
    '</domain>',
    '</virtual-mta>',
    '</virtual-mta-pool>',
    '</source>',
    '</smtp-user>',
    'domain-macro tops com, net',
    'domain-macro tops $tops,',
    'smtp-source-host 198.51.100.8 mta.example.com',
    'smtp-source-host 198.51.100.0/29 mta.example.com',
    'virtual-mta v1',
    'cold-virtual-mta v1',
    'max-cold-virtual-mta-msg 50/d,100/d',
    'max-smtp-out 20',
    'max-msg-rate 100/h',
    'queue-to gmail.rollup',
    'smtp-hosts [10.0.0.1]:25',
    'domain-key s,example.com,/x.pem',
    'include config',
    'include other',
    'default-virtual-mta p',
    'smtp-listener 0.0.0.0:25',
    '# nothing',
    '',
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const text = fc.array(piece, { maxLength: 40 }).map((lines) => lines.join('\n'));

test('any text is read to its end, and each of its lines is accounted for exactly once', () => {
  fc.assert(
    fc.property(text, text, (config, other) => {
      const { outcomes, silent, lines, model } = imported(config, { other });
      const spoken = outcomes.reduce((sum, one) => sum + one.lines, 0);
      assert.equal(spoken + silent, lines);
      assert.ok(outcomes.every(({ end, says }) => ENDS.includes(end) && says !== ''));
      explain(model, 'gmail.com/v1');
    }),
    { numRuns: 400 },
  );
});

test('no secret gets out: not from passwords, keys, pipes, nor lines that were broken', () => {
  const SECRET = 'Zx9secretZx9';
  const places = [
    `password ${SECRET}`,
    `auth-password ${SECRET}`,
    `http-api-key ${SECRET}`,
    `api-key ${SECRET}`,
    SECRET,
    `${SECRET} more`,
    `<${SECRET}`,
    `nobody-knows ${SECRET}`,
    `<acct-file |/bin/x --token ${SECRET}>\nrecords d\n</acct-file>`,
  ];
  const block = fc.constantFrom('', '<smtp-user app>', '<domain *>', '<virtual-mta v>', '<signals>');
  fc.assert(
    fc.property(fc.array(fc.tuple(block, fc.constantFrom(...places)), { minLength: 1, maxLength: 12 }), (lines) => {
      const config = lines
        .map(([open, line]) => (open === '' ? line : `${open}\n${line}\n</${open.slice(1).split(/[ >]/)[0]}>`))
        .join('\n');
      const found = imported(`<virtual-mta v>\nsmtp-source-host 198.51.100.8 a.example\n</virtual-mta>\n${config}\n`);
      const said = JSON.stringify([found.draft, found.outcomes, found.notes, explain(found.model, 'a.example/v')]);
      assert.ok(!said.includes(SECRET), said);
    }),
  );
});
