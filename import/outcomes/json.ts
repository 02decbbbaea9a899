/** Values out of JSON that strangers wrote: what is not there, or is of another type, is an empty string or nothing. */

export type Json = Readonly<Record<string, unknown>>;

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

export function textOrNull(value: unknown): string | null {
  return text(value) || null;
}

/** A header's value by its name, whatever its case: headers are objects, or lists of `{name, value}`. */
export function header(headers: unknown, name: string): string {
  const wanted = name.toLowerCase();
  if (Array.isArray(headers)) {
    const found = headers.map(object).find((one) => text(one?.name).toLowerCase() === wanted);
    return text(found?.value);
  }
  const fields = object(headers) ?? {};
  const key = Object.keys(fields).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? '' : text(list(fields[key])[0]);
}
