import path from 'node:path';
import { CHECKOUT } from './load.ts';

/** What a configuration file at `file` imports defineConfig from: `rampart` names this package only inside its own folder. */
export function importFor(file: string): string {
  const inside = !path.relative(CHECKOUT, path.dirname(file)).startsWith('..');
  if (inside) return 'rampart';
  const relative = path.relative(path.dirname(file), path.join(CHECKOUT, 'cli', 'config', 'define.ts'));
  return relative.startsWith('.') ? relative : `./${relative}`;
}
