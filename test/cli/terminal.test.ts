import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest } from '../../cli/terminal/closest.ts';
import { liveScreen } from '../../cli/terminal/live-screen.ts';
import { fit, PLAIN, styleOf, width } from '../../cli/terminal/style.ts';
import { progressBar, table } from '../../cli/terminal/table.ts';
import { ago, clock, span, stamp } from '../../cli/terminal/time.ts';

function stream(isTTY: boolean, rows = 24) {
  const written: string[] = [];
  return { isTTY, rows, columns: 20, written, write: (text: string) => written.push(text) };
}

test('a table lines its columns up, figures to the right and addresses to the left', () => {
  const lines = table(
    ['address', 'sent'],
    [
      ['10.0.0.1', '5/50'],
      ['10.0.0.100', '1,250/2,000'],
    ],
  );
  assert.deepEqual(lines, ['address            sent', '10.0.0.1           5/50', '10.0.0.100  1,250/2,000']);
});

test('colour takes no room in a table', () => {
  const red = '\x1b[31mx\x1b[0m';
  assert.equal(width(red), 1);
  const [, coloured, plain] = table(
    ['a', 'b'],
    [
      [red, 'c'],
      ['x', 'c'],
    ],
  );
  assert.equal(coloured?.replace(red, 'x'), plain);
});

test('a progress bar stays within its width', () => {
  assert.equal(progressBar(0.5, 10), '[#####·····] 50%');
  assert.equal(progressBar(7, 4), '[####] 100%');
  assert.equal(progressBar(Number.NaN, 4), '[····] 0%');
});

test('on a terminal a screen is drawn over the last one, and never higher than the terminal', () => {
  const terminal = stream(true, 4);
  const screen = liveScreen(terminal);
  screen.draw(['1', '2', '3', '4', '5']);
  screen.draw(['a']);
  assert.equal(terminal.written[0]?.split('\n').length, 4, 'three lines, the cursor below them');
  assert.ok(terminal.written[1]?.startsWith('\x1b[3A'), 'goes back over the three lines it drew');
  screen.done();
  screen.draw(['b']);
  assert.ok(terminal.written[2]?.startsWith('\r'), 'does not go up');
});

test('a line that is too long for the terminal is cut', () => {
  assert.equal(fit('abcdef', 4), 'abc…');
  assert.equal(fit('abcd', 4), 'abcd');
});

test('where there is no terminal, screens are lines now and then, and the last one always', () => {
  let at = 0;
  const log = stream(false);
  const screen = liveScreen(log, () => at);
  screen.draw(['day 1']);
  at = 2_000;
  screen.draw(['day 2']);
  at = 11_000;
  screen.draw(['day 3']);
  screen.draw(['day 4']);
  screen.done();
  screen.done();
  assert.deepEqual(log.written, ['day 1\n', 'day 3\n', 'day 4\n']);
});

test('colour is for terminals, unless NO_COLOR says no', () => {
  assert.equal(styleOf({ isTTY: false }, {}), PLAIN);
  assert.equal(styleOf({ isTTY: true }, { NO_COLOR: '1' }), PLAIN);
  assert.equal(styleOf({ isTTY: true }, {}).bad('x'), '\x1b[31mx\x1b[0m');
});

test('times are told in the unit that fits, and in the zone that is meant', () => {
  assert.equal(span(90_061_000), '1 d');
  assert.equal(span(59_999), '59 s');
  assert.equal(ago(1_000, 301_000), '5 min ago');
  assert.equal(ago(1_000, 1_500), 'now');
  const noon = Date.UTC(2026, 6, 1, 12);
  assert.equal(clock(noon, 'Europe/Berlin'), '14:00');
  assert.equal(stamp(noon, 'UTC'), '2026-07-01 12:00');
});

test('the nearest word is suggested, and a strange one gets none', () => {
  assert.equal(closest('gogle', ['google', 'yahoo']), 'google');
  assert.equal(closest('inti', ['init', 'check']), 'init');
  assert.equal(closest('frobnicate', ['init', 'check', 'doctor']), undefined);
});
