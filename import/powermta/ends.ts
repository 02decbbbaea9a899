/** Collects what became of each node of a tree; the first word about a directive stays, but a translation wins. */
import type { End, Outcome } from '../outcome.ts';
import { blockEntryOf, entryOf } from './catalogue.ts';
import { isSecret } from './secrets.ts';
import { type Node, type Tree, whereOf } from './tree.ts';

interface Said {
  readonly end: End;
  readonly says: string;
}

export class Ends {
  readonly #said = new Map<Node, Said>();

  translated(node: Node, says: string): void {
    this.#said.set(node, { end: 'translated', says });
  }

  notNeeded(node: Node, says: string): void {
    if (!this.#said.has(node)) this.#said.set(node, { end: 'not-needed', says });
  }

  notSupported(node: Node, says: string): void {
    if (!this.#said.has(node)) this.#said.set(node, { end: 'not-supported', says });
  }

  isTranslated(node: Node): boolean {
    return this.#said.get(node)?.end === 'translated';
  }

  /** Everything there is, in the order in which it was read: what nobody spoke of comes from the catalogue. */
  outcomes(tree: Tree): Outcome[] {
    const nodes = tree.nodes.map((node): Outcome => {
      const { file, line, lines } = node;
      const said = this.#said.get(node) ?? this.#unsaid(node);
      const where = whereOf(node.parent);
      return { file, line, lines, where, directive: nameOf(node), ...said };
    });
    const broken = tree.broken.map(({ file, line, lines, where, says }): Outcome => {
      return { file, line, lines, where, directive: '(unreadable)', end: 'not-supported', says };
    });
    return [...nodes, ...broken];
  }

  #unsaid(node: Node): Said {
    if (node.kind === 'directive') {
      const entry = entryOf(node.parent.tag, node.name);
      if (entry !== undefined) return entry;
      return {
        end: 'not-supported',
        says: isKnownElsewhere(node.name)
          ? 'PowerMTA does not read it in this block'
          : 'no directive of this name is known here: nothing was done with it',
      };
    }
    const inside = node.children.some((child) => this.isTranslated(child));
    if (inside) return { end: 'translated', says: 'its lines are told one by one' };
    if (node.tag === 'domain' && isDomainPlace(node.parent?.tag ?? ''))
      return { end: 'not-needed', says: 'its lines are told one by one' };
    return blockEntryOf(node.tag) ?? { end: 'not-supported', says: 'no block of this name is known' };
  }
}

function isDomainPlace(tag: string): boolean {
  return tag === '' || tag === 'virtual-mta' || tag === 'virtual-mta-pool';
}

function isKnownElsewhere(name: string): boolean {
  return ['', 'domain', 'virtual-mta', 'source', 'smtp-user', 'acct-file'].some(
    (tag) => entryOf(tag, name) !== undefined,
  );
}

/** A name that nobody knows may be a password that slipped to a line of its own: only known ones are repeated. */
function nameOf(node: Node): string {
  if (node.kind === 'block') return `<${node.tag}>`;
  if (node.name === '/') return 'pattern';
  const known = entryOf(node.parent.tag, node.name) !== undefined || isKnownElsewhere(node.name);
  return known || TRANSLATED.has(node.name) || isSecret(node.name) ? node.name : '(unknown)';
}

/** Directives that only translators know. */
const TRANSLATED = new Set(['host-name', 'smtp-server-tls-certificate', 'mx', 'domain-key', 'virtual-mta', 'password']);
