/** PowerMTA configurations that exist in a test's memory only. */
import path from 'node:path';
import { importPowerMta, type PowerMtaImport } from '../../import/powermta/translate.ts';
import { type ConfigFiles, readTree, type Tree } from '../../import/powermta/tree.ts';

export const COMMON = ['google', 'microsoft-consumer', 'microsoft-365', 'yahoo', 'apple', 'other'];

export function memory(texts: Readonly<Record<string, string>>): ConfigFiles {
  return {
    read: (file) => texts[file],
    find: (pattern) => Object.keys(texts).filter((name) => path.matchesGlob(name, pattern)),
  };
}

export const treeOf = (text: string, more: Record<string, string> = {}): Tree =>
  readTree(memory({ config: text, ...more }), 'config');

export const imported = (text: string, more: Record<string, string> = {}): PowerMtaImport =>
  importPowerMta('config', {
    files: memory({ config: text, ...more }),
    machine: { readable: () => false },
    commonProviders: COMMON,
  });
