/** A draft as the text of rampart.config.ts: an object literal people can go on editing. */
import type { Draft } from './draft.ts';

/** `from`: what defineConfig is imported from; `head`: comment lines at the top. */
export function configText(draft: Draft, from: string, head: readonly string[]): string {
  return [
    ...head.map((line) => `// ${line}`.trimEnd()),
    `import { defineConfig } from ${quoted(from)};`,
    '',
    `export default defineConfig(${literal(draft, '')});`,
    '',
  ].join('\n');
}

const WIDTH = 110;

function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isInteger(value) ? grouped(value) : String(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((one) => literal(one, inner))
    : Object.entries(value)
        .filter(([, one]) => one !== undefined)
        .map(([key, one]) => `${keyText(key)}: ${literal(one, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{ ', ' }'];
  if (parts.length === 0) return Array.isArray(value) ? '[]' : '{}';
  const flat = `${open}${parts.join(', ')}${close}`;
  if (!flat.includes('\n') && indent.length + flat.length <= WIDTH) return flat;
  return `${open.trim()}\n${parts.map((part) => `${inner}${part},`).join('\n')}\n${indent}${close.trim()}`;
}

function keyText(key: string): string {
  return /^[a-z_$][\w$]*$/i.test(key) ? key : quoted(key);
}

/** JSON escapes everything that could end a string or a line; single quotes are the house's style. */
function quoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}

function grouped(value: number): string {
  return Math.abs(value) < 10_000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, '_');
}
