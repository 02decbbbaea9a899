/** The workflows as one file, built once for their sources: workers start without packing them each time. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const folder = path.join(root, '.rampart', 'build');
const sources = [
  ...readdirSync(path.join(root, 'workflows')).map((name) => path.join('workflows', name)),
  'temporal/contracts.ts',
  'package-lock.json',
];

/** Path of the bundle for the sources as they are now; built when it is not there. */
export async function workflowBundle(log: (line: string) => void = () => {}): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(path.join(root, source)));
  const name = `workflows-${hash.digest('hex').slice(0, 16)}.js`;
  const file = path.join(folder, name);
  if (existsSync(file)) {
    log('up to date');
    return file;
  }
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(root, 'workflows/index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder))
    if (old.startsWith('workflows-')) rmSync(path.join(folder, old), { force: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, code);
  renameSync(temporary, file);
  log(`built, ${(code.length / 1e6).toFixed(1)} MB`);
  return file;
}

if (import.meta.main) await workflowBundle((line) => console.log(line));
