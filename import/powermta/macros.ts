/**
 * domain-macro: a name for a list of words, used as `$name` inside a domain (`<domain yahoo.$tops>`) and inside other
 * macros. A macro that comes back to itself is an error in PowerMTA, and one here (user's guide, 3.2.7).
 */
import { listOf } from './lines.ts';
import type { Directive, Tree } from './tree.ts';

export type Macros = ReadonlyMap<string, readonly string[]>;

/** What a text with macros stands for; `problem` where it stands for nothing. */
export type Expanded = { readonly texts: readonly string[] } | { readonly problem: string };

/** Most domains one line may stand for: nested lists multiply. */
const MOST = 10_000;

/** All macros of a configuration; a later one of the same name replaces the earlier, wherever they stand. */
export function macrosOf(tree: Tree): Macros {
  const macros = new Map<string, readonly string[]>();
  for (const node of tree.nodes) {
    if (node.kind !== 'directive' || node.name !== 'domain-macro') continue;
    const macro = macroOf(node);
    if (macro !== undefined) macros.set(macro.name, macro.items);
  }
  return macros;
}

/** The name and list of a domain-macro line; undefined when it has none. */
export function macroOf({ value }: Pick<Directive, 'value'>): { name: string; items: readonly string[] } | undefined {
  const [, name, list] = /^\$?([A-Za-z0-9_]+)[\s,]+([^\n]+)$/.exec(value) ?? [];
  if (name === undefined || list === undefined) return undefined;
  const items = listOf(list);
  return items.length === 0 ? undefined : { name, items };
}

/** Replaces every `$name`; a text without one stands for itself. */
export function expand(text: string, macros: Macros): Expanded {
  try {
    const texts = [...new Set(expanded(text, macros, []))];
    return { texts };
  } catch (error) {
    if (error instanceof MacroError) return { problem: error.message };
    throw error;
  }
}

class MacroError extends Error {}

function expanded(text: string, macros: Macros, open: readonly string[]): string[] {
  const found = /\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/.exec(text);
  if (found === null) return [text];
  const name = found[1] ?? found[2] ?? '';
  const items = macros.get(name);
  if (items === undefined) throw new MacroError(`there is no domain-macro ${name}`);
  if (open.includes(name)) throw new MacroError(`domain-macro ${name} comes back to itself`);
  const before = text.slice(0, found.index);
  const after = expanded(text.slice(found.index + found[0].length), macros, open);
  const all = items.flatMap((item) => expanded(item, macros, [...open, name]));
  if (all.length * after.length > MOST) throw new MacroError(`it stands for more than ${MOST} domains`);
  return all.flatMap((item) => after.map((rest) => `${before}${item}${rest}`));
}
