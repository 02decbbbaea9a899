/**
 * What a PowerMTA configuration is about, gathered from its tree: virtual MTAs, pools, domain settings by level, sources,
 * users. Two blocks of one name are one thing: the later adds to the earlier.
 */
import { type DomainPattern, patternOf } from './domains.ts';
import { unquoted, wordsOf } from './lines.ts';
import { expand, type Macros, macrosOf } from './macros.ts';
import { type Block, blocksOf, type Directive, directivesOf, type Tree } from './tree.ts';

/** A `<domain>` block, for one of the patterns its tag stands for. */
export interface DomainBlock {
  readonly pattern: DomainPattern;
  readonly block: Block;
}

/** Something with a name: all blocks of that name, in order. */
export interface Named {
  readonly name: string;
  readonly blocks: readonly Block[];
  readonly domains: readonly DomainBlock[];
}

export interface VirtualMta extends Named {
  /** smtp-source-host lines; those of the whole configuration where the virtual MTA has none. */
  readonly sources: readonly Directive[];
}

export interface Pool extends Named {
  /** Names of its virtual MTAs, in order, each once. */
  readonly members: readonly string[];
}

export interface Model {
  readonly tree: Tree;
  readonly macros: Macros;
  readonly vmtas: ReadonlyMap<string, VirtualMta>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly domains: readonly DomainBlock[];
  /** mx-rollup rules: MX pattern and the name of the queue they lead to. */
  readonly rollups: readonly { readonly mx: string; readonly name: string; readonly directive: Directive }[];
  /** Domain tags that stand for nothing, with why. */
  readonly badDomains: ReadonlyMap<Block, string>;
}

export function modelOf(tree: Tree): Model {
  const macros = macrosOf(tree);
  const badDomains = new Map<Block, string>();
  const domainsIn = (block: Block) =>
    blocksOf(block, 'domain').flatMap((domain) => domainBlocks(domain, macros, badDomains));
  const named = (tag: string): Map<string, { name: string; blocks: Block[]; domains: DomainBlock[] }> => {
    const found = new Map<string, { name: string; blocks: Block[]; domains: DomainBlock[] }>();
    for (const block of blocksOf(tree.root, tag)) {
      const name = block.parameter;
      const one = found.get(name) ?? { name, blocks: [], domains: [] };
      one.blocks.push(block);
      one.domains.push(...domainsIn(block));
      found.set(name, one);
    }
    return found;
  };
  const everywhere = directivesOf(tree.root, 'smtp-source-host');
  const vmtas = [...named('virtual-mta').values()].map((one): VirtualMta => {
    const own = one.blocks.flatMap((block) => directivesOf(block, 'smtp-source-host'));
    return { ...one, sources: own.length > 0 ? own : everywhere };
  });
  const pools = [...named('virtual-mta-pool').values()].map((one): Pool => {
    const lines = one.blocks.flatMap((block) => directivesOf(block, 'virtual-mta'));
    return { ...one, members: [...new Set(lines.flatMap((line) => wordsOf(line.value).slice(0, 1)))] };
  });
  const rollups = blocksOf(tree.root, 'mx-rollup-list').flatMap((list) =>
    directivesOf(list, 'mx').flatMap((directive) => {
      const [mx, name] = wordsOf(directive.value);
      return mx === undefined || name === undefined ? [] : [{ mx, name: name.toLowerCase(), directive }];
    }),
  );
  return {
    tree,
    macros,
    vmtas: new Map(vmtas.map((one) => [one.name, one])),
    pools: new Map(pools.map((one) => [one.name, one])),
    domains: domainsIn(tree.root),
    rollups,
    badDomains,
  };
}

/** A tag may name several domains, and macros name more. */
function domainBlocks(block: Block, macros: Macros, bad: Map<Block, string>): DomainBlock[] {
  const found: DomainBlock[] = [];
  const names = unquoted(block.parameter)
    .split(/[,\s]+/)
    .filter((name) => name !== '');
  if (names.length === 0) bad.set(block, 'it names no domain');
  for (const name of names) {
    const expanded = expand(name, macros);
    if ('problem' in expanded) {
      bad.set(block, expanded.problem);
      continue;
    }
    for (const text of expanded.texts) {
      const pattern = patternOf(text, text !== name);
      if (pattern === undefined) bad.set(block, 'it names something that is no domain');
      else found.push({ pattern, block });
    }
  }
  return found;
}

/** Pools a virtual MTA is in. */
export function poolsWith(model: Model, vmta: string): Pool[] {
  return [...model.pools.values()].filter((pool) => pool.members.includes(vmta));
}
