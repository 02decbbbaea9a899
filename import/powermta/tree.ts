/**
 * The tree of a PowerMTA configuration: blocks with their directives, over all included files. Includes stand for the
 * text of the file they name, also inside a block.
 */
import type { Place } from '../outcome.ts';
import { itemsOf, unquoted } from './lines.ts';

export interface Directive extends Place {
  readonly kind: 'directive';
  readonly name: string;
  /** As written, without comment; may hold a secret. */
  readonly value: string;
  readonly parent: Block;
}

export interface Block extends Place {
  readonly kind: 'block';
  /** '' for the configuration itself. */
  readonly tag: string;
  readonly parameter: string;
  readonly parent: Block | undefined;
  readonly children: (Block | Directive)[];
}

export type Node = Block | Directive;

/** A line that can not be read, or a block that has no end. */
export interface Broken extends Place {
  readonly where: string;
  readonly says: string;
}

export interface Tree {
  readonly root: Block;
  /** Every block and directive, in the order in which they are read. */
  readonly nodes: readonly Node[];
  readonly broken: readonly Broken[];
  /** Lines that say nothing by themselves: empty ones, comments, ends of blocks. */
  readonly silent: number;
  /** Lines of each file, by its name. */
  readonly lines: ReadonlyMap<string, number>;
  /** What became of include lines. */
  readonly includes: readonly (Place & { readonly ok: boolean; readonly says: string })[];
}

/** How the importer reaches files; names are what people are told. */
export interface ConfigFiles {
  /** Text of a file, or undefined when it can not be read. */
  read(file: string): string | undefined;
  /** Files that `pattern` (which may hold * and ?) means in an include of `from`, in order. */
  find(pattern: string, from: string): readonly string[];
}

/** An include in an include in an include: nobody writes more, but a generator that went wrong does. */
const DEEPEST = 32;
/** Two files that include two files each are a million after twenty steps. */
const MOST_READ = 10_000;

/** Reads a configuration from its first file. Never throws for what the files say. */
export function readTree(files: ConfigFiles, first: string): Tree {
  const root: Block = block({ file: first, line: 0, lines: 0 }, '', '', undefined);
  const reader = new Reader(files);
  reader.file(first, root, []);
  return { root, ...reader.result() };
}

class Reader {
  readonly #files: ConfigFiles;
  readonly #nodes: Node[] = [];
  readonly #broken: Broken[] = [];
  readonly #lines = new Map<string, number>();
  readonly #includes: (Place & { ok: boolean; says: string })[] = [];
  #silent = 0;
  #read = 0;

  constructor(files: ConfigFiles) {
    this.#files = files;
  }

  result(): Omit<Tree, 'root'> {
    return {
      nodes: this.#nodes,
      broken: this.#broken,
      silent: this.#silent,
      lines: this.#lines,
      includes: this.#includes,
    };
  }

  file(name: string, into: Block, above: readonly string[]): void {
    this.#read += 1;
    const text = this.#files.read(name) ?? '';
    let open = into;
    let counted = 0;
    for (const item of itemsOf(text, name)) {
      const place: Place = { file: item.file, line: item.line, lines: item.lines };
      counted += item.lines;
      if (item.kind === 'nothing') this.#silent += item.lines;
      else if (item.kind === 'broken') this.#broken.push({ ...place, where: whereOf(open), says: item.says });
      else if (item.kind === 'open') {
        const next = block(place, item.tag, item.parameter, open);
        open.children.push(next);
        this.#nodes.push(next);
        open = next;
      } else if (item.kind === 'close') {
        if (open !== into && open.tag === item.tag && open.parent !== undefined) {
          open = open.parent;
          this.#silent += item.lines;
        } else {
          const says = `</${item.tag}> ends no block that is open here`;
          this.#broken.push({ ...place, where: whereOf(open), says });
        }
      } else {
        const directive: Directive = { ...place, kind: 'directive', name: item.name, value: item.value, parent: open };
        open.children.push(directive);
        this.#nodes.push(directive);
        if (item.name === 'include') this.#include(directive, open, [...above, name]);
      }
    }
    this.#lines.set(name, (this.#lines.get(name) ?? 0) + counted);
    for (let unclosed: Block | undefined = open; unclosed !== into; unclosed = unclosed?.parent) {
      if (unclosed === undefined) break;
      // The opening line is accounted for as a block; this is a second thing to say about it, and takes no line.
      const says = `<${unclosed.tag}> has no </${unclosed.tag}> in this file: it was taken to end with the file`;
      this.#broken.push({ file: unclosed.file, line: unclosed.line, lines: 0, where: whereOf(unclosed), says });
    }
  }

  #include(directive: Directive, into: Block, above: readonly string[]): void {
    const { file, line, lines } = directive;
    const { ok, says, taken } = this.#found(directive, above);
    this.#includes.push({ file, line, lines, ok, says });
    for (const one of taken) this.file(one, into, above);
  }

  #found(
    { value, file }: Directive,
    above: readonly string[],
  ): { ok: boolean; says: string; taken: readonly string[] } {
    const refused = (says: string) => ({ ok: false, says, taken: [] });
    const pattern = unquoted(value);
    if (pattern === '') return refused('it names no file');
    if (/^https?:/i.test(pattern)) return refused('an include over HTTP is not fetched: save it as a file');
    const found = this.#files.find(pattern, file);
    if (found.length === 0) return refused('no file of that name is here: copy it beside the configuration');
    if (above.length >= DEEPEST || this.#read + found.length > MOST_READ) return refused('too many files');
    const taken = found.filter((one) => !above.includes(one));
    if (taken.length < found.length)
      return { ok: false, says: 'it includes itself: what was open already was not read again', taken };
    return { ok: true, says: `read: ${found.length} ${found.length === 1 ? 'file' : 'files'}`, taken };
  }
}

function block(place: Place, tag: string, parameter: string, parent: Block | undefined): Block {
  return { ...place, kind: 'block', tag, parameter, parent, children: [] };
}

/** The blocks around something, for people: `virtual-mta v1 / domain *`. */
export function whereOf(node: Block | undefined): string {
  const names: string[] = [];
  for (let at = node; at !== undefined && at.tag !== ''; at = at.parent) {
    names.unshift(at.parameter === '' || isPrivate(at) ? at.tag : `${at.tag} ${at.parameter}`);
  }
  return names.length === 0 ? 'global' : names.join(' / ');
}

/** A pipe's command line may hold a token. */
function isPrivate(at: Block): boolean {
  return at.tag === 'acct-file' && at.parameter.startsWith('|');
}

export function blocksOf(parent: Block, tag: string): Block[] {
  return parent.children.filter((child): child is Block => child.kind === 'block' && child.tag === tag);
}

export function directivesOf(parent: Block, ...names: string[]): Directive[] {
  return parent.children.filter(
    (child): child is Directive => child.kind === 'directive' && (names.length === 0 || names.includes(child.name)),
  );
}
