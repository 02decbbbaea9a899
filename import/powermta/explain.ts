/** `--explain domain/vmta`: the settings a queue has in PowerMTA, and the line each comes from; no secret is shown. */

import { providerOfDomain } from '../known-domains.ts';
import { placeText } from '../outcome.ts';
import { DOMAIN_CATALOGUE } from './catalogue-domain.ts';
import { patternOf } from './domains.ts';
import { effectiveSettings } from './effective.ts';
import { rollupProvider } from './limits.ts';
import type { Model } from './model.ts';
import { shown } from './secrets.ts';
import { whereOf } from './tree.ts';

export interface Explained {
  readonly queues: readonly string[];
  readonly settings: readonly {
    readonly directive: string;
    readonly value: string;
    /** `file:line (where)`; null: PowerMTA's default. */
    readonly from: string | null;
  }[];
  /** The MX rollup this domain's mail would have used, as far as that can be told without DNS. */
  readonly rollup: string | null;
  readonly problem: string | null;
}

/** Undefined when the text is no `domain/vmta` or nothing is called so; `known`: what there is. */
export function explain(model: Model, queue: string): Explained | { readonly unknown: string } {
  const at = queue.lastIndexOf('/');
  const domain = queue.slice(0, at).toLowerCase();
  const vmta = queue.slice(at + 1);
  if (at < 1 || patternOf(domain) === undefined) return { unknown: 'write it as gmail.com/vmta1' };
  if (!model.vmtas.has(vmta) && !model.pools.has(vmta)) {
    const names = [...model.vmtas.keys(), ...model.pools.keys()];
    return {
      unknown: `there is no virtual MTA or pool "${vmta}" (${names.length === 0 ? 'there is none at all' : names.slice(0, 20).join(', ')})`,
    };
  }
  const { queues, settings, problem } = effectiveSettings(model, domain, vmta);
  const provider = providerOfDomain(domain);
  const rollup =
    provider === undefined ? undefined : model.rollups.find(({ name }) => rollupProvider(model, name) === provider);
  return {
    queues,
    settings: [...settings]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([directive, { value, from }]) => ({
        ...(isKnown(directive) ? { directive, value: shown(directive, value) } : { directive: '(unknown)', value: '' }),
        from: from === null ? null : `${placeText(from)} (${whereOf(from.parent)})`,
      })),
    rollup: rollup === undefined ? null : `${rollup.name}/${vmta}`,
    problem: problem ?? null,
  };
}

/** What nobody knows may be a password in a wrong place: neither its name nor its value is repeated. */
function isKnown(directive: string): boolean {
  return DOMAIN_CATALOGUE.has(directive.split(' ')[0] ?? '');
}
