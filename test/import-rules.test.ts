import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

/**
 * Keeps the design's "who may import whom". A rule is read as: a file whose path begins with `from` may import, beyond
 * its own folder, what `values` and `types` begin with (`types`: by `import type` only). The longest `from` that fits
 * a file wins, so an exception is one more row. Folders without a row (test, bench) may import anything.
 */
interface Rule {
  readonly from: string;
  readonly values?: readonly string[];
  readonly types?: readonly string[];
  /** Set where a row must not even import the rest of its own folder. */
  readonly closed?: true;
}

const RULES: readonly Rule[] = [
  { from: 'policy/' },
  { from: 'lab/' },
  // Other engines' files, read and translated: pure, so that files and the clock come from the command.
  { from: 'import/', values: ['policy/'] },
  // Where what those say arrives: files, pipes and webhooks.
  { from: 'legacy/', values: ['store/', 'policy/', 'import/'] },
  { from: 'judge/', values: ['policy/'] },
  { from: 'store/', types: ['policy/'] },
  { from: 'store/embedded/', values: ['setup/host/'], types: ['policy/'], closed: true },
  { from: 'workflows/', values: ['temporal/contracts.ts'], types: ['policy/', 'activities/'] },
  { from: 'activities/', values: ['store/', 'seeds/', 'policy/'], types: ['temporal/contracts.ts'] },
  { from: 'seeds/', values: ['store/', 'policy/'] },
  { from: 'mta/', values: ['store/', 'policy/'] },
  { from: 'events/', values: ['store/', 'policy/'] },
  { from: 'temporal/', types: ['policy/'] },
  { from: 'temporal/server/', values: ['setup/host/'], closed: true },
  // The composition roots of a worker: they bind workflows and activities to Temporal.
  { from: 'temporal/worker.ts', values: ['temporal/', 'activities/', 'workflows/'], types: ['policy/'] },
  { from: 'temporal/bundle.ts', values: ['temporal/', 'activities/', 'workflows/'], types: ['policy/'] },
  { from: 'console/', values: ['policy/', 'store/', 'temporal/'] },
  {
    from: 'cli/',
    values: ['policy/', 'store/', 'temporal/', 'events/', 'import/', 'judge/', 'legacy/', 'mta/feedback/classify/'],
  },
  // Keys are made where they are asked for; how they look is the signer's matter.
  { from: 'cli/commands/dkim', values: ['cli/', 'store/', 'mta/signing/'] },
  { from: 'cli/doctor/dkim', values: ['cli/', 'store/', 'mta/signing/'] },
  // Who is a listener's peer is the listener's matter; the configuration must not read its networks another way.
  { from: 'cli/config/cross-injection.ts', values: ['cli/', 'policy/', 'mta/injection/trusted-peers.ts'] },
  // The same for what DNS must have of them, and for what of a message keeps it off cold lanes.
  {
    from: 'cli/preflight/',
    values: ['cli/', 'policy/', 'store/', 'mta/signing/', 'mta/injection/headers.ts', 'mta/injection/one-click.ts'],
  },
  {
    from: 'cli/roles/',
    values: [
      'cli/',
      'policy/',
      'store/',
      'temporal/',
      'activities/',
      'mta/',
      'events/',
      'legacy/',
      'seeds/',
      'workflows/',
      'console/',
    ],
  },
  { from: 'cli/demo/', values: ['cli/', 'policy/', 'store/', 'temporal/', 'lab/', 'setup/host/'] },
  { from: 'cli/lab/', values: ['cli/', 'policy/', 'store/', 'temporal/', 'lab/', 'setup/host/'] },
  { from: 'setup/', values: ['store/embedded/', 'temporal/server/'] },
  // What the machine gives: leaves that set-up and the two local servers share.
  { from: 'setup/host/', closed: true },
];

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

/**
 * The modules a source names. Statements begin at the start of a line (the formatter sees to it); `import()` may stand
 * anywhere, and counts as a value even in a type.
 */
function importsOf(source: string): Import[] {
  const statements = source.matchAll(
    /^(?:import|export)\b(\s+type\b(?!\s+from\b))?[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  );
  const bare = source.matchAll(/^import\s*['"]([^'"]+)['"]/gm);
  const dynamic = withoutComments(source).matchAll(/\bimport\(\s*['"`]([^'"`]+)['"`]/g);
  return [
    ...[...statements].map(([, type, target]) => ({ target: target ?? '', typeOnly: type !== undefined })),
    ...[...bare, ...dynamic].map(([, target]) => ({ target: target ?? '', typeOnly: false })),
  ];
}

function withoutComments(source: string): string {
  return source.replace(/^\s*(\/\*|\*|\/\/).*$/gm, '').replace(/\s\/\/ .*$/gm, '');
}

/** What is wrong with one file, as lines for people; `file` is its path in the repository. */
function violations(file: string, source: string): string[] {
  return [...importViolations(file, source), ...contentViolations(file, source)];
}

function importViolations(file: string, source: string): string[] {
  const rule = RULES.filter(({ from }) => file.startsWith(from)).sort((a, b) => b.from.length - a.from.length)[0];
  if (!rule) return [];
  const home = rule.closed ? rule.from : `${file.split('/')[0]}/`;
  const wrong: string[] = [];
  for (const { target, typeOnly } of importsOf(source)) {
    if (!target.startsWith('.')) continue;
    const resolved = path.posix.join(path.posix.dirname(file), target);
    const allowed = [home, ...(rule.values ?? []), ...(typeOnly ? (rule.types ?? []) : [])];
    if (allowed.some((prefix) => resolved.startsWith(prefix))) continue;
    const asType = rule.types?.some((prefix) => resolved.startsWith(prefix)) ? ' other than as a type' : '';
    wrong.push(`${file} may not import ${resolved}${asType}`);
  }
  return wrong;
}

function contentViolations(file: string, source: string): string[] {
  const code = withoutComments(source);
  const wrong: string[] = [];
  const forbid = (pattern: RegExp, why: string) => {
    const found = pattern.exec(code);
    if (found) wrong.push(`${file}: "${found[0]}": ${why}`);
  };
  if (file.startsWith('policy/')) {
    forbid(/\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(/, 'clock and chance are passed in');
    forbid(/['"]node:(?!crypto)[^'"]*['"]|\bprocess\./, 'decisions do no I/O');
  }
  if (file.startsWith('import/')) forbid(/['"]node:(?!net|url|crypto)[^'"]*['"]|\bprocess\./, 'importers do no I/O');
  if (file.startsWith('workflows/')) {
    forbid(/['"]node:[^'"]*['"]|\bprocess\./, 'a workflow runs in a sandbox and must replay the same elsewhere');
    // The SDK does not await a validator: an async one accepts everything it should refuse.
    forbid(/\bvalidator\s*:\s*async\b|\basync\s+validator\s*\(/, 'validators are synchronous');
    for (const [, declared, assigned] of code.matchAll(
      /\basync function (\w+)|\b(?:const|let) (\w+)[^=\n]*= async\b/g,
    )) {
      const name = declared ?? assigned;
      forbid(new RegExp(`\\bvalidator\\s*:\\s*${name}\\b`), 'validators are synchronous');
      if (name === 'validator') forbid(/[{,]\s*validator\s*[,}]/, 'validators are synchronous');
    }
  }
  return wrong;
}

const root = path.join(import.meta.dirname, '..');

/** Every .ts file of the folders that have rules. */
function ourFiles(): string[] {
  const folders = new Set(RULES.map(({ from }) => from.split('/')[0] ?? ''));
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && folders.has(entry.name))
    .flatMap(({ name }) =>
      readdirSync(path.join(root, name), { recursive: true, encoding: 'utf8' }).map((file) => `${name}/${file}`),
    )
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules/'));
}

test('every file imports only what its place in the house allows', () => {
  const files = ourFiles();
  assert.ok(files.includes('store/connect.ts'), 'the search for files found nothing');
  assert.deepEqual(
    files.flatMap((file) => violations(file, readFileSync(path.join(root, file), 'utf8'))),
    [],
  );
});

const REFUSED: readonly [file: string, source: string][] = [
  ['policy/a.ts', "import { x } from '../store/b.ts';"],
  ['policy/a.ts', "import type { X } from '../store/b.ts';"],
  ['policy/a.ts', 'export const f = () => Date.now();'],
  ['policy/a.ts', "import { readFile } from 'node:fs';"],
  ['store/a.ts', "import { x } from '../policy/b.ts';"],
  ['store/a.ts', "import { type X } from '../policy/b.ts';"],
  ['store/a.ts', "import { x } from '../setup/host/lock.ts';"],
  ['store/embedded/a.ts', "import { x } from '../connect.ts';"],
  ['workflows/a.ts', "import { decide } from '../policy/decide.ts';"],
  ['workflows/a.ts', "import {\n  decide,\n  other,\n} from '../activities/a.ts';"],
  ['workflows/a.ts', "import type { X } from '../temporal/client.ts';"],
  ['workflows/a.ts', "export * from '../policy/decide.ts';"],
  ['workflows/a.ts', 'const zone = process.env.TZ;'],
  ['workflows/a.ts', "import { createHash } from 'node:crypto';"],
  ['workflows/a.ts', 'setHandler(pause, act, { validator: async (x) => {} });'],
  ['workflows/a.ts', 'setHandler(pause, act, { async validator(x) {} });'],
  ['workflows/a.ts', 'async function check(x) {}\nsetHandler(pause, act, { validator: check });'],
  ['workflows/a.ts', 'const validator = async (x) => {};\nsetHandler(pause, act, { validator });'],
  ['activities/a.ts', "import { x } from '../mta/b.ts';"],
  ['mta/a/b.ts', "import { x } from '../../temporal/client.ts';"],
  ['mta/a.ts', "const x = await import('../workflows/b.ts');"],
  ['import/a.ts', "import { x } from '../store/b.ts';"],
  ['import/a.ts', "import { readFileSync } from 'node:fs';"],
  ['seeds/a.ts', "import '../mta/b.ts';"],
  ['legacy/a.ts', "import { x } from '../mta/b.ts';"],
  ['judge/a.ts', "import { x } from '../lab/b.ts';"],
  ['policy/a.ts', "import { x } from '../judge/b.ts';"],
  ['lab/a.ts', "import type { Plan } from '../policy/plan.ts';"],
  ['temporal/client.ts', "import { x } from '../workflows/b.ts';"],
  ['temporal/server/run.ts', "import { x } from '../client.ts';"],
  ['console/a.ts', "import { x } from '../activities/b.ts';"],
  ['cli/warmup.ts', "import { x } from '../mta/b.ts';"],
  ['cli/roles/mta.ts', "import { x } from '../../lab/b.ts';"],
  ['setup/host/lock.ts', "import { x } from '../main.ts';"],
];

for (const [file, source] of REFUSED) {
  test(`refused in ${file}: ${source.replaceAll('\n', ' ')}`, () => assert.equal(violations(file, source).length, 1));
}

const ACCEPTED: readonly [file: string, source: string][] = [
  ['policy/a.ts', "import { x } from './b.ts';\nimport { y } from 'date-fns';"],
  ['policy/a.ts', '/** Never calls Date.now() itself. */\nexport const at = (now: number) => new Date(now);'],
  ['store/a.ts', "import type {\n  Plan,\n} from '../policy/plan.ts';\nexport type { Plan } from '../policy/plan.ts';"],
  ['workflows/a.ts', "import type { X } from '../activities/a.ts';\nimport { pause } from '../temporal/contracts.ts';"],
  ['workflows/a.ts', 'function check(x) {}\nsetHandler(pause, act, { validator: check });\nconst now = Date.now();'],
  ['temporal/worker.ts', "import * as activities from '../activities/index.ts';"],
  ['cli/roles/mta.ts', "import { x } from '../../mta/b.ts';\nimport { y } from '../config/load.ts';"],
  ['cli/demo/run.ts', "import { x } from '../../lab/b.ts';"],
  ['test/a.test.ts', "import { x } from '../mta/b.ts';"],
];

for (const [file, source] of ACCEPTED) {
  test(`accepted in ${file}: ${source.replaceAll('\n', ' ')}`, () => assert.deepEqual(violations(file, source), []));
}
