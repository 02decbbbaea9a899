/**
 * Substitutions: {{name}} becomes a recipient's own value. Values are data, not markup: in html they are escaped, in a
 * header they can not begin a new line. A name without a value is an error, not a hole in the mail.
 */
export type Values = Readonly<Record<string, string>>;

const PLACEHOLDER = /\{\{\s*([\w.-]+)\s*\}\}/g;

export type Place = 'text' | 'html' | 'header';

/** `text` with its placeholders replaced; `missing` is told the names that have no value. */
export function substitute(text: string, values: Values, place: Place, missing: (name: string) => void): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) {
      missing(name);
      return whole;
    }
    return SAFE[place](value);
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const SAFE: Readonly<Record<Place, (value: string) => string>> = {
  text: (value) => value,
  html: (value) => value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character),
  header: (value) => value.replace(/\p{Cc}+/gu, ' '),
};
