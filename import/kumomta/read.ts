/** KumoMTA's helper files: TOML or JSON; what kind one is shows in its tables, not in its name. */
import { parse as parseToml } from 'smol-toml';

export type Table = Readonly<Record<string, unknown>>;

export interface KumoFile {
  readonly file: string;
  readonly kind: 'shaping' | 'sources' | 'queues';
  readonly table: Table;
}

export class NotReadable extends Error {}

/** Throws NotReadable with the reason; the text itself is not quoted. */
export function readKumoFile(file: string, text: string): KumoFile {
  const table = parsed(file, text);
  return { file, table, kind: kindOf(file, table) };
}

function parsed(file: string, text: string): Table {
  try {
    const value: unknown =
      file.endsWith('.json') || text.trimStart().startsWith('{') ? JSON.parse(text) : parseToml(text);
    if (isTable(value)) return value;
  } catch (error) {
    const line = (error as { line?: unknown }).line;
    throw new NotReadable(typeof line === 'number' ? `it is no TOML (line ${line})` : 'it is neither TOML nor JSON');
  }
  throw new NotReadable('it holds no tables');
}

function kindOf(file: string, table: Table): KumoFile['kind'] {
  if (isTable(table.source) || isTable(table.pool)) return 'sources';
  const queues = isTable(table.tenant) || isTable(table.queue) || isTable(table.scheduling_header);
  return queues || /queues?[^/]*$/i.test(file) ? 'queues' : 'shaping';
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
