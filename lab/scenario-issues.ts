/** Says in one line per fault what is wrong with a scenario, where, what was expected and what stands there. Pure. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** `file: events[2].provider: no provider has the key "gogle", only google, yahoo`. `value`: what was checked, if at hand. */
export function describeIssues(error: z.ZodError, source: string, value?: unknown): string {
  return error.issues.map((issue) => `${source}: ${placeOf(issue.path)}: ${explain(issue, value)}`).join('\n');
}

/** `events[2].provider`; `the whole file` for the root. */
export function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text.replace(/^\./, '') || 'the whole file';
}

function explain(issue: Issue, value: unknown): string {
  const found = valueAt(value, issue.path);
  const but = (expected: string) => `expected ${expected}, found ${shown(found)}`;
  switch (issue.code) {
    case 'invalid_type':
      if (found === undefined) return `is missing: expected ${article(issue.expected)}`;
      return but(article(issue.expected));
    case 'too_small':
    case 'too_big':
      return but(bound(issue));
    case 'invalid_value':
      return but(issue.values.map((one) => JSON.stringify(one)).join(' or '));
    case 'unrecognized_keys':
      return `nothing is called ${issue.keys.map((key) => `"${key}"`).join(', ')} here: see docs/scenarios.md`;
    case 'invalid_union': {
      if (issue.discriminator === undefined)
        return but('an address or a network, such as 127.10.0.11 or 127.10.0.0/24');
      return `no such event: see docs/scenarios.md for the types there are`;
    }
    case 'custom':
      return issue.message;
    default:
      return value === undefined ? issue.message : `${issue.message}, found ${shown(found)}`;
  }
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const [limit, edge] =
    issue.code === 'too_small'
      ? [issue.minimum, issue.inclusive ? 'at least' : 'more than']
      : [issue.maximum, issue.inclusive ? 'at most' : 'less than'];
  const what = { string: 'characters', array: 'entries' }[issue.origin as string];
  return what === undefined ? `a number of ${edge} ${limit}` : `${edge} ${limit} ${what}`;
}

function article(type: string): string {
  const name = { int: 'whole number', record: 'object', boolean: 'true or false' }[type] ?? type;
  if (name === 'true or false') return name;
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
