/** Says what is wrong with a configuration: one line a problem, with path, expectation and finding. */
import { z } from 'zod';
import { closest } from '../terminal/closest.ts';

export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly says: string;
}

/** A configuration that can not be used; `problems` has one line each. */
export class ConfigError extends Error {
  readonly code = 'bad-config';
  readonly file: string;
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** `pools.marketing.addresses[1].ip`; keys that are no plain names are quoted. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}

export function problemText(problem: Problem): string {
  return problem.path.length === 0 ? problem.says : `${pathText(problem.path)}: ${problem.says}`;
}

/** What a schema finds wrong with a value, in the words of this file. */
export function schemaProblems(schema: z.ZodType, value: unknown, issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue) => problemsOf(schema, value, issue, []));
}

/** For `safeParse(value, { error: expectation })`: what was expected, where the schema gives no words of its own. */
export const expectation: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return words[issue.expected] ?? String(issue.expected);
    case 'invalid_value':
      return issue.values.length > 8
        ? `one of ${issue.values.length} known values`
        : `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return issue.inclusive === false ? `more than ${issue.minimum}` : `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    default:
      return undefined;
  }
};

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function problemsOf(
  schema: z.ZodType,
  value: unknown,
  issue: z.core.$ZodIssue,
  parent: readonly PropertyKey[],
): Problem[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path, valueAt(value, path));
    return issue.keys.map((key) => ({ path: [...path, key], says: `unknown key${suggestion(key, known)}` }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, says: `expected ${issue.issues[0]?.message ?? 'another name'}` }];
  }
  if (issue.code === 'invalid_union' && issue.errors.some((branch) => branch.some((inner) => inner.path.length > 0))) {
    // The branch that fits best is the one the person meant.
    const [meant] = [...issue.errors].sort((a, b) => misfit(a) - misfit(b) || otherKind(a) - otherKind(b));
    return (meant ?? []).flatMap((inner) => problemsOf(schema, value, inner, path));
  }
  const found = valueAt(value, path);
  const known = issue.code === 'invalid_value' && typeof found === 'string' ? issue.values.map(String) : [];
  const hint = known.length > 0 ? suggestion(String(found), known) : '';
  return [{ path, says: `expected ${issue.message}, found ${shown(found, path)}${hint}` }];
}

function misfit(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 10 * issue.keys.length : 1), 0);
}

/** A branch that takes another kind of value fits worse than one with a fault inside. */
function otherKind(issues: readonly z.core.$ZodIssue[]): number {
  return issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type') ? 1 : 0;
}

function suggestion(given: string, known: readonly string[]): string {
  const near = closest(given, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** Short, and never a secret: problems end up in logs and tickets. */
function shown(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (path.some((part) => part === 'password' || part === 'traceKey')) return `a ${typeof value} (not shown)`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}

/** The keys an object may have at a path of the schema. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  const [next, ...rest] = path;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return keysAt(schema.unwrap() as z.ZodType, path, value);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option as z.ZodType, path, value));
  if (schema instanceof z.ZodObject) {
    if (next === undefined) return Object.keys(schema.shape);
    const inner = schema.shape[String(next)];
    return inner === undefined ? [] : keysAt(inner as z.ZodType, rest, value);
  }
  if (schema instanceof z.ZodRecord && next !== undefined) return keysAt(schema.valueType as z.ZodType, rest, value);
  if (schema instanceof z.ZodArray && next !== undefined) return keysAt(schema.element as z.ZodType, rest, value);
  return [];
}
