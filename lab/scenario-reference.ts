/**
 * The reference of scenarios, out of their JSON schema: every value with its type, range, default and meaning. A part of
 * docs/scenarios.md is this text (`node lab/main.ts reference`), and a test keeps the two the same. Pure.
 */
import { z } from 'zod';
import { scenarioSchema } from './scenario.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly additionalProperties?: Node | boolean;
  readonly propertyNames?: Node;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** One value of a scenario. */
export interface Field {
  /** Its place, such as `providers[].tarpit.delayMs`; of an event `outage.hours`. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string;
  readonly says: string;
  readonly examples: readonly unknown[];
}

/** Every value there is: first those of the world, then those of each event. */
export function scenarioFields(): Field[] {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input' }) as unknown as Node;
  const world = fieldsOf(schema, '');
  const events = schema.properties?.events?.items?.oneOf ?? [];
  return [...world, ...events.flatMap((event) => fieldsOf(event, String(event.properties?.type?.const)))];
}

/** Names of the events with what each one is. */
export function eventKinds(): { readonly type: string; readonly says: string; readonly example: unknown }[] {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input' }) as unknown as Node;
  return (schema.properties?.events?.items?.oneOf ?? []).map((event) => {
    return {
      type: String(event.properties?.type?.const),
      says: event.description ?? '',
      example: event.examples?.[0],
    };
  });
}

/** The reference as Markdown, one table of the world and one for each event. */
export function referenceText(): string {
  const kinds = eventKinds();
  const fields = scenarioFields();
  const ofEvent = (field: Field, type: string) => field.path.startsWith(`${type}.`);
  const world = fields.filter((field) => !kinds.some(({ type }) => ofEvent(field, type)));
  const events = kinds.flatMap(({ type, says, example }) => [
    '',
    `### \`${type}\``,
    '',
    `${says}.`,
    '',
    '```',
    JSON.stringify(example),
    '```',
    '',
    ...tableOf(
      fields
        .filter((field) => ofEvent(field, type) && field.path !== `${type}.type`)
        .map((field) => ({ ...field, path: field.path.slice(type.length + 1) })),
    ),
  ]);
  return ['## Every value of a world', '', ...tableOf(world), '', '## Every event', ...events, ''].join('\n');
}

/** A default of a twelfth need not be told to its sixteenth digit. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10_000) / 10_000 : value;
}

function tableOf(fields: readonly Field[]): string[] {
  return [
    '| value | type | default | means | example |',
    '| --- | --- | --- | --- | --- |',
    ...fields.map((field) => `| ${cells(field).join(' | ')} |`),
  ];
}

function cells({ path, type, required, default: otherwise, says, examples }: Field): string[] {
  const example = examples.length === 0 ? '' : `\`${JSON.stringify(examples[0])}\``;
  const all = [`\`${path}\``, type, required ? '**required**' : otherwise, says, example];
  return all.map((cell) => cell.replaceAll('|', '\\|'));
}

function fieldsOf(node: Node, path: string): Field[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const place = path === '' ? name : `${path}.${name}`;
    const field: Field = {
      path: place,
      type: typeOf(child),
      required: node.required?.includes(name) ?? false,
      default: child.default === undefined ? 'none' : `\`${JSON.stringify(child.default, shortened)}\``,
      says: child.description ?? '',
      examples: child.examples ?? [],
    };
    return [field, ...below(child, place)];
  });
}

function below(node: Node, place: string): Field[] {
  // Events have a part of the reference to themselves.
  if (place === 'events') return [];
  const values = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
  return [
    ...fieldsOf(node, place),
    ...(node.items ? fieldsOf(node.items, `${place}[]`) : []),
    ...(values ? fieldsOf(values, `${place}.*`) : []),
  ];
}

function typeOf(node: Node): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((one) => `\`${one}\``).join(', ');
  if (node.anyOf) return [...new Set(node.anyOf.map(typeOf))].join(' or ');
  if (node.type === 'array') return `list of ${plural(node.items)}${counts(node)}`;
  if (node.type === 'object' && node.additionalProperties instanceof Object) {
    return `object: ${node.propertyNames?.enum ? 'segment' : 'key'} → ${typeOf(node.additionalProperties)}`;
  }
  if (node.type === 'integer') return `whole number${range(node)}`;
  if (node.type === 'number') return `number${range(node)}`;
  return { string: 'text', boolean: '`true`, `false`' }[node.type ?? ''] ?? node.type ?? 'anything';
}

function plural(node: Node | undefined): string {
  if (node?.oneOf) return 'events';
  if (node?.enum) return typeOf(node);
  return node?.type === 'string' ? 'texts' : 'objects';
}

function counts({ minItems, maxItems }: Node): string {
  if (maxItems !== undefined) return `, ${minItems ?? 0} to ${maxItems}`;
  return minItems === undefined ? '' : `, at least ${minItems}`;
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): string {
  const known = (limit: number | undefined) => limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
  const low = known(minimum) ? `from ${minimum}` : known(exclusiveMinimum) ? `above ${exclusiveMinimum}` : '';
  const high = known(maximum) ? `to ${maximum}` : known(exclusiveMaximum) ? `below ${exclusiveMaximum}` : '';
  const both = [low, high].filter((one) => one !== '').join(' ');
  return both === '' ? '' : ` ${both}`;
}
