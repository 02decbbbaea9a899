import { readFileSync } from 'node:fs';
import path from 'node:path';
import { explain } from '../../import/powermta/explain.ts';
import { importPowerMta, type PowerMtaImport } from '../../import/powermta/translate.ts';
import { type Answer, badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { COMMON_PROVIDERS } from '../config/schema.ts';
import { diskFiles, firstFile, machine } from '../import/disk.ts';
import { NOTE, outcomeLines } from '../import/report.ts';
import { draftProblems, writeConfigFile, writeSecrets } from '../import/write.ts';
import { withStore } from '../instance.ts';
import { table } from '../terminal/table.ts';
import { sealKeyOf } from './dkim-make.ts';
import { type KeyEnd, storeKey } from './dkim-store.ts';

/** Reads a PowerMTA configuration and says what of it Rampart would do; writes only what is asked for. */
export const importPowermta: Command = {
  usage: '<DIR|FILE>',
  options: [
    { name: 'out', type: 'string', value: 'FILE', says: 'write a configuration, such as rampart.config.ts' },
    { name: 'secrets', type: 'string', value: 'FILE', says: 'write the passwords to a file only you can read' },
    { name: 'force', type: 'boolean', says: 'replace files that are there' },
    { name: 'all', type: 'boolean', says: 'say of every directive what became of it' },
    {
      name: 'explain',
      type: 'string',
      value: 'DOMAIN/VMTA',
      says: 'the settings PowerMTA uses for a queue, and from where',
    },
    { name: 'dkim', type: 'boolean', says: 'take over the DKIM keys it names (Rampart must be running)' },
    CONFIG_OPTION,
  ],
  example: './rampart import powermta /etc/pmta --out rampart.config.ts',
  positionals: [1, 1],
  async run(invocation) {
    const first = firstFile(invocation.positionals[0] ?? '', ['config', 'config.txt', 'pmta.conf']);
    const files = diskFiles(first);
    if (files.read(first) === undefined) throw badInput(`${first} can not be read as a configuration`);
    const found = importPowerMta(first, { files, machine, commonProviders: COMMON_PROVIDERS });
    const queue = text(invocation, 'explain');
    if (queue !== undefined) return explained(found, queue, path.dirname(first));
    if (invocation.options.dkim === true) return takeKeys(invocation, found, first);
    return report(invocation, found, first);
  },
};

async function report(invocation: Invocation, found: PowerMtaImport, first: string): Promise<Answer> {
  const { draft, outcomes, secrets, keys, plans, lines, silent } = found;
  const out = text(invocation, 'out');
  const secretsFile = text(invocation, 'secrets');
  const replace = invocation.options.force === true;
  const file = path.resolve(out ?? 'rampart.config.ts');
  const problems = draftProblems(draft, file, secrets);
  const notes = [...found.notes];
  const wrote: string[] = [];
  if (problems.length > 0) notes.push(...problems.map((problem) => `not in order: ${problem}`));
  if (out !== undefined) {
    if (problems.length > 0) throw badInput(['nothing was written:', ...problems].join('\n'));
    await writeConfigFile(file, draft, head(found), replace);
    wrote.push(file);
  }
  if (secretsFile !== undefined) {
    await writeSecrets(path.resolve(secretsFile), secrets, replace);
    wrote.push(path.resolve(secretsFile));
  }
  const next = out === undefined ? [] : [`then: ./rampart check --config ${file}`];
  return {
    json: {
      file: first,
      lines,
      silent,
      outcomes,
      config: draft,
      plans: plans.map(({ name, pool, addresses }) => ({ name, pool, addresses })),
      keys: keys.map(({ domain, selector, file: keyFile }) => ({ domain, selector, file: keyFile })),
      secrets: secrets.map(({ env }) => env),
      problems,
      notes,
      wrote,
    },
    lines: [
      ...outcomeLines(outcomes, path.dirname(first), invocation.options.all === true),
      '',
      ...notes.map(NOTE),
      ...wrote.map((one) => `wrote ${one}`),
      ...next,
    ],
    ...(problems.length > 0 ? { exit: 1 as const } : {}),
  };
}

function head({ outcomes, notes }: PowerMtaImport): string[] {
  const lost = outcomes.filter(({ end }) => end === 'not-supported').length;
  return [
    'Drawn up by ./rampart import powermta. Read it before you use it: docs/import.md says how figures were carried over.',
    `${lost} directives are not supported: ./rampart import powermta … lists them.`,
    ...notes.map((note) => `- ${note}`),
  ];
}

function explained(found: PowerMtaImport, queue: string, folder: string): Answer {
  const said = explain(found.model, queue);
  if ('unknown' in said) throw badInput(`--explain ${queue}: ${said.unknown}`);
  const rows = said.settings.map(({ directive, value, from }) => [
    directive,
    value,
    from === null ? 'default' : from.replace(`${folder}${path.sep}`, ''),
  ]);
  return {
    json: said,
    lines: [
      `queue ${said.queues.join(' → ')}`,
      ...(said.problem === null ? [] : [said.problem]),
      ...(said.rollup === null ? [] : [`by MX its mail is rolled up: see --explain ${said.rollup}`]),
      '',
      ...table(['directive', 'value', 'from'], rows),
    ],
  };
}

async function takeKeys(invocation: Invocation, { keys }: PowerMtaImport, first: string): Promise<Answer> {
  const files = diskFiles(first);
  const sealKey = await sealKeyOf(invocation);
  const ends = await withStore(invocation, async (store) => {
    const told: { domain: string; selector: string; end: KeyEnd; says: string }[] = [];
    for (const { domain, selector, file, inFile } of keys) {
      const pem = readKey(files.find(file, inFile)[0]);
      const end =
        pem === undefined
          ? { end: 'refused' as const, says: `${file} is not on this machine` }
          : await storeKey(store, { domain, selector, pem }, sealKey);
      told.push({ domain, selector, ...end });
    }
    return told;
  });
  const refused = ends.some(({ end }) => end === 'refused');
  return {
    json: { sealed: sealKey !== undefined, keys: ends },
    lines: [
      ...(ends.length === 0
        ? ['it names no DKIM keys']
        : table(
            ['domain', 'selector', '', ''],
            ends.map(({ domain, selector, end, says }) => [domain, selector, end, says]),
          )),
      ...(sealKey === undefined && ends.length > 0
        ? [NOTE('private keys are stored unsealed: set dkim.sealKey before you import them')]
        : []),
    ],
    ...(refused ? { exit: 1 as const } : {}),
  };
}

function readKey(named: string | undefined): string | undefined {
  if (named === undefined) return undefined;
  try {
    return readFileSync(named, 'utf8');
  } catch {
    return undefined;
  }
}
