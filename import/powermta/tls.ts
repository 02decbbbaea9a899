/**
 * use-starttls and require-starttls become mta.remoteTls, by recipient domain. Rampart has one policy for all pools, so of
 * several virtual MTAs the strictest holds; and TLS where it is offered is its default, where PowerMTA's is none.
 */
import type { TlsPolicy } from '../../policy/shaping.ts';
import type { Ends } from './ends.ts';
import { allDomainBlocks } from './limits.ts';
import type { Model } from './model.ts';
import { type Directive, directivesOf } from './tree.ts';
import { booleanOf } from './values.ts';

export interface TlsDraft {
  readonly default?: TlsPolicy;
  readonly domains?: Readonly<Record<string, TlsPolicy>>;
}

export function tlsFrom(model: Model, ends: Ends): TlsDraft | undefined {
  let fallback: TlsPolicy | undefined;
  const domains: Record<string, TlsPolicy> = {};
  for (const { pattern, block } of allDomainBlocks(model)) {
    const wanted = wantedBy(directivesOf(block, 'use-starttls', 'require-starttls'), ends);
    if (wanted === undefined) continue;
    const { policy, line } = wanted;
    if (pattern.kind === 'all') {
      if (policy === 'none') {
        ends.notNeeded(line, "TLS is used where it is offered: set mta.remoteTls.default to 'none' to do without");
        continue;
      }
      fallback = policy;
      ends.translated(line, `mta.remoteTls.default: '${policy}'`);
    } else if (pattern.kind === 'domain' || pattern.kind === 'domain-and-below') {
      if (!/^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(pattern.name)) continue;
      if (domains[pattern.name] !== 'required') domains[pattern.name] = policy;
      const only = pattern.kind === 'domain' ? '' : ', without the domains below it';
      ends.translated(line, `mta.remoteTls.domains: '${policy}'${only}`);
    }
  }
  const named = Object.keys(domains).length > 0;
  if (fallback === undefined && !named) return undefined;
  return { ...(fallback === undefined ? {} : { default: fallback }), ...(named ? { domains } : {}) };
}

/** What the lines of one block want: the last of each name counts. */
function wantedBy(
  lines: readonly Directive[],
  ends: Ends,
): { readonly policy: 'none' | 'required'; readonly line: Directive } | undefined {
  const require = lines.findLast((line) => line.name === 'require-starttls');
  const use = lines.findLast((line) => line.name === 'use-starttls');
  const required = require !== undefined && booleanOf(require.value) === true;
  for (const line of lines) {
    const value = booleanOf(line.value);
    if (value === undefined) ends.notSupported(line, 'it says neither yes nor no');
    else if (line.name === 'use-starttls' && value) ends.notNeeded(line, 'TLS is used wherever it is offered');
    else if (line.name === 'require-starttls' && !value)
      ends.notNeeded(line, 'without it, TLS is used where it is offered');
    else if (line !== require && line !== use) ends.notNeeded(line, 'a later line of the same block holds');
  }
  if (required && require !== undefined) return { policy: 'required', line: require };
  return use !== undefined && booleanOf(use.value) === false ? { policy: 'none', line: use } : undefined;
}
