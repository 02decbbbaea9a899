import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Step } from './step.ts';

const program = path.join(import.meta.dirname, '../../temporal/bundle.ts');

export const workflowsStep: Step = {
  name: 'workflow bundle',
  why: 'the workflows as one file, so that workers start without packing them each time',
  run: async () => {
    if (!existsSync(program)) return 'no workflows in this checkout';
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [program]);
      return stdout.trim().split('\n').at(-1) || 'done';
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.split('\n').find((line) => /error/i.test(line));
      throw new Error(`the workflows cannot be bundled: ${said?.trim() ?? (error as Error).message}`);
    }
  },
};
