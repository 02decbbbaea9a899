import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../import/powermta/explain.ts';
import { imported } from './powermta-files.ts';

function settings(text: string, queue: string) {
  const said = explain(imported(text).model, queue);
  if ('unknown' in said) throw new Error(said.unknown);
  const of = (directive: string) => said.settings.find((one) => one.directive === directive);
  return {
    ...said,
    value: (directive: string) => of(directive)?.value,
    from: (directive: string) => of(directive)?.from,
  };
}

const TEXT = `<domain gmail.com>
max-smtp-out 7
</domain>
<domain *>
max-smtp-out 20
retry-after 10m,20m
bounce-after 2d
</domain>
<domain [*.]example.net>
max-smtp-out 3
</domain>
<domain *.mail.example.net>
max-msg-rate 10/m
</domain>
<domain gmail.com>
max-msg-rate 100/h
</domain>
<virtual-mta v1>
smtp-source-host 198.51.100.8 a.example
<domain *>
bounce-after 1d
</domain>
</virtual-mta>
<virtual-mta-pool p>
virtual-mta v1
<domain gmail.com>
bounce-after 3d
retry-after ""
</domain>
</virtual-mta-pool>
`;

test('the more special pattern wins wherever it stands, and takes the rest from the general one', () => {
  const gmail = settings(TEXT, 'gmail.com/v1');
  assert.equal(gmail.value('max-smtp-out'), '7');
  assert.equal(gmail.from('max-smtp-out'), 'config:2 (domain gmail.com)');
  assert.equal(gmail.value('max-msg-rate'), '100/h', 'two blocks of one name are one');
});

test("a virtual MTA's block wins over its pool's, and that over the general ones", () => {
  const gmail = settings(TEXT, 'gmail.com/v1');
  assert.equal(gmail.value('bounce-after'), '1d');
  assert.equal(gmail.from('bounce-after'), 'config:21 (virtual-mta v1 / domain *)');
  assert.equal(settings(TEXT, 'gmail.com/p').value('bounce-after'), '3d');
});

test('"" takes back what a general block said: the default holds again', () => {
  const gmail = settings(TEXT, 'gmail.com/v1');
  assert.equal(gmail.value('retry-after'), '10m');
  assert.equal(gmail.from('retry-after'), 'config:28 (virtual-mta-pool p / domain gmail.com)');
});

test('wildcards: [*.]x is x and all below it, *.x only what is below, the longer suffix wins', () => {
  assert.equal(settings(TEXT, 'example.net/v1').value('max-smtp-out'), '3');
  assert.equal(settings(TEXT, 'a.mail.example.net/v1').value('max-smtp-out'), '3');
  assert.equal(settings(TEXT, 'a.mail.example.net/v1').value('max-msg-rate'), '10/m');
  assert.equal(settings(TEXT, 'mail.example.net/v1').value('max-msg-rate'), 'unlimited');
  assert.equal(settings(TEXT, 'other.example/v1').value('max-smtp-out'), '20');
});

test('a domain that is written out wins over one from a macro', () => {
  const text = `domain-macro tops com, de
<virtual-mta v>
smtp-source-host 198.51.100.8 a.example
</virtual-mta>
<domain yahoo.com>
max-smtp-out 2
</domain>
<domain yahoo.$tops>
max-smtp-out 9
</domain>
`;
  assert.equal(settings(text, 'yahoo.com/v').value('max-smtp-out'), '2');
  assert.equal(settings(text, 'yahoo.de/v').value('max-smtp-out'), '9');
});

test('queue-to leads to the settings of another queue; a circle is told', () => {
  const text = `<virtual-mta v>
smtp-source-host 198.51.100.8 a.example
</virtual-mta>
<domain a.example>
queue-to all.rollup
</domain>
<domain all.rollup>
max-msg-rate 5/m
</domain>
<domain x.example>
queue-to y.example
</domain>
<domain y.example>
queue-to x.example
</domain>
`;
  const queue = settings(text, 'a.example/v');
  assert.deepEqual(queue.queues, ['a.example/v', 'all.rollup/v']);
  assert.equal(queue.value('max-msg-rate'), '5/m');
  assert.match(settings(text, 'x.example/v').problem ?? '', /^queue-to goes in a circle/);
});

test('what follows another directive follows it, with its line', () => {
  const gmail = settings(TEXT, 'gmail.com/v1');
  assert.equal(gmail.value('backoff-max-msg-rate'), '100/h');
  assert.equal(gmail.from('backoff-max-msg-rate'), 'config:16 (domain gmail.com)');
});

test('a queue nobody has is refused with what there is', () => {
  const { model } = imported(TEXT);
  assert.deepEqual(explain(model, 'gmail.com/v2'), { unknown: 'there is no virtual MTA or pool "v2" (v1, p)' });
  assert.deepEqual(explain(model, 'gmail.com'), { unknown: 'write it as gmail.com/vmta1' });
});
