/** domain-key lines: `selector, domain, file`. The file's key is imported on request; the file itself is not named. */
import type { ImportedKey } from '../draft.ts';
import type { Ends } from './ends.ts';
import { listOf } from './lines.ts';
import type { Model } from './model.ts';
import type { Directive } from './tree.ts';

export interface NamedKey extends ImportedKey {
  readonly line: number;
  readonly inFile: string;
}

export function keysFrom(model: Model, ends: Ends): NamedKey[] {
  const keys: NamedKey[] = [];
  for (const node of model.tree.nodes) {
    if (node.kind !== 'directive' || (node.name !== 'domain-key' && node.name !== 'second-domain-key')) continue;
    const key = keyOf(node);
    if (key === undefined) continue;
    if (key.domain === '*') {
      ends.notSupported(node, 'a key for every domain: say for which, ./rampart dkim add DOMAIN makes one');
      continue;
    }
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(key.selector)) {
      ends.notSupported(node, 'its selector has other signs than small letters, digits and dashes');
      continue;
    }
    const known = keys.some((one) => one.domain === key.domain && one.selector === key.selector);
    if (!known) keys.push({ ...key, line: node.line, inFile: node.file });
    ends.translated(node, `key ${key.selector} of ${key.domain}: --dkim takes it over`);
  }
  return keys;
}

/** Three values; some write a host name between selector and domain, which PowerMTA does not know. */
function keyOf(line: Directive): ImportedKey | undefined {
  const [selector, domain, file, ...more] = listOf(line.value);
  if (selector === undefined || domain === undefined || file === undefined || more.length > 0) return undefined;
  const name = domain.toLowerCase();
  if (name !== '*' && !/^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(name)) return undefined;
  return { selector: selector.toLowerCase(), domain: name, file };
}
