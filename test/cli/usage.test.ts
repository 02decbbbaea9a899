import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { commandHelp } from '../../cli/help.ts';
import { COMMANDS } from '../../cli/table-of-commands.ts';
import { openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));

test('without a command, every command is listed', async () => {
  const { code, stdout } = await rampart([]);
  assert.equal(code, 0);
  for (const { name, summary } of COMMANDS) assert.match(stdout, new RegExp(`^  ${name} +${summary}$`, 'm'));
});

test('every command has a help with its usage, its options and an example that begins with it', async () => {
  for (const entry of COMMANDS) {
    const command = await entry.load();
    const lines = commandHelp(entry, command).join('\n');
    assert.match(lines, new RegExp(`^usage: rampart ${entry.name}`, 'm'));
    assert.match(lines, /^ {2}--json {2,}answer in JSON/m);
    assert.ok(command.example.startsWith(`./rampart ${entry.name}`), command.example);
    for (const { name } of command.options) assert.match(lines, new RegExp(`--${name} `));
  }
});

test('--help answers without running the command', async () => {
  const { code, stdout } = await rampart(['warmup', 'pause', '--help']);
  assert.equal(code, 0);
  assert.match(stdout, /^usage: rampart warmup pause <ip \| range \| pool:NAME>… \[options\]$/m);
});

const MISTAKES: readonly (readonly [string[], RegExp])[] = [
  [['inti'], /^rampart: no command is called "inti": did you mean "init"\?\n$/],
  [['frobnicate'], /^rampart: no command is called "frobnicate": see \.\/rampart --help\n$/],
  [['warmup', 'strat', '10.0.0.1'], /did you mean "warmup start"\?\n$/],
  [['check', '--foo'], /^rampart: Unknown option '--foo': see \.\/rampart check --help\n$/],
  [['warmup', 'history'], /^rampart: something is missing: write \.\/rampart warmup history <ip>\n$/],
  [['check', 'more'], /^rampart: "more" is one argument too many: write \.\/rampart check\n$/],
  [['demo', '--days', '7'], /^rampart: --days is "7": choose 10 or 42\n$/],
  [['warmup', 'pause', '10.0.0.1'], /^rampart: say why: --reason TEXT\n$/],
  [['warmup', 'abort', '10.0.0.1'], /^rampart: say why: --reason TEXT\n$/],
  [['warmup', 'hold', '10.0.0.1', '--reason', 'r', '--for', 'long'], /^rampart: --for is "long": give a time such as /],
  [
    ['warmup', 'step-back', '10.0.0.1', '--reason', 'r', '--steps', '1000'],
    /^rampart: --steps is "1000": give a whole number from 1 to 999\n$/,
  ],
  [
    ['plan', 'show', 'six-week', '--target', '-5'],
    /^rampart: --target has no value: one that begins with a dash is written --target=-X\n$/,
  ],
];

for (const [args, expected] of MISTAKES) {
  test(`"rampart ${args.join(' ')}" is one line on stderr and exit code 2`, async () => {
    const { code, stdout, stderr } = await rampart(args);
    assert.equal(code, 2);
    assert.match(stderr, expected);
    assert.equal(stdout, '');
  });
}

test('with --json an error is JSON on stdout as well', async () => {
  const { code, stdout, stderr } = await rampart(['inti', '--json']);
  assert.equal(code, 2);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'bad-input');
  assert.equal(stderr, `rampart: ${error.message}\n`);
});

test('with nothing running, a command says how to start it', async () => {
  const config = await writeConfig(folder, smallConfig());
  const { code, stdout, stderr } = await rampart(['warmup', 'status', '--config', config]);
  assert.deepEqual([code, stdout, stderr], [1, '', 'rampart: Rampart is not running: ./rampart up\n']);
});

test('a database that does not answer is named as what it is', async () => {
  const { code, stderr } = await rampart(['warmup', 'status'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' });
  assert.equal(code, 1);
  assert.match(stderr, /^rampart: the database of DATABASE_URL does not answer \(.*ECONNREFUSED.*\): .*\n$/);
});

test('init writes a configuration that check reads, and never replaces one unasked', async () => {
  const out = path.join(folder, 'mine', 'rampart.config.ts');
  assert.equal((await rampart(['init', '--out', out])).code, 0);
  const checked = await rampart(['check', '--config', out, '--json'], { RAMPART_APP_PASSWORD: 'p' });
  assert.equal(checked.code, 0, checked.stderr);
  const meaning = JSON.parse(checked.stdout);
  assert.equal(meaning.dataDir, path.join(folder, 'mine', '.rampart'));
  assert.doesNotMatch(checked.stdout, /"password"/);

  const before = await readFile(out, 'utf8');
  const again = await rampart(['init', '--out', out]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is there already: edit it, or replace it with --force/);
  assert.equal(await readFile(out, 'utf8'), before);
  assert.equal((await rampart(['init', '--out', out, '--force'])).code, 0);
});

test('check says what a configuration means, and what may surprise', async () => {
  const config = await writeConfig(folder, smallConfig(), 'fine.config.ts');
  const { code, stdout } = await rampart(['check', '--config', config]);
  assert.equal(code, 0);
  assert.match(stdout, /marketing {2}127\.10\.0\.11 +cold +mta-2\.example\.com +under a plan/);
  assert.match(stdout, /^lanes: 4 \(2 addresses × 2 providers\)$/m);
  assert.match(stdout, /^note: no users here: only those of \.\/rampart user list can hand in mail$/m);
  assert.match(stdout, /^note: no lanes for 'other': mail to providers that are not listed waits and expires$/m);
});

test('check says what is wrong, a line each, and exits with 2', async () => {
  const config = await writeConfig(folder, { ...smallConfig(), node: '', dataDir: 5 }, 'wrong.config.ts');
  const { code, stderr } = await rampart(['check', '--config', config]);
  assert.equal(code, 2);
  assert.match(stderr, /^rampart: dataDir: expected text, found 5\nrampart: node: expected a name .*, found ""\n$/);
});
