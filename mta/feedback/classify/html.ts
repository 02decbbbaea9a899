/** The words of an HTML report, for the senders that write nothing else. Not a renderer: tags out, blocks to lines. */

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', nbsp: ' ', apos: "'" };
const MAX_HTML = 500_000;

export function htmlText(html: string): string {
  const cut = html.slice(0, MAX_HTML);
  // Some call plain text HTML: without a single block its line ends are all the layout there is.
  const plain = !/<(p|br|div|td|tr|pre|li|h\d|html|body|table)\b/i.test(cut);
  return (plain ? cut : withoutTags(cut))
    .replace(/&(#x?[\da-f]{1,6}|[a-z]{2,6});/gi, (all, name: string) => entity(name) ?? all)
    .replaceAll('\u00a0', ' ')
    .split('\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n');
}

/** One pass over the text, so that an unclosed "<" costs no more than any other letter. */
function withoutTags(html: string): string {
  let out = '';
  let at = 0;
  let skipTo: string | undefined;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open === -1) break;
    if (skipTo === undefined) out += html.slice(at, open).replace(/\s+/g, ' ');
    const close = html.indexOf('>', open);
    if (close === -1) return out;
    const tag = /^<(\/?[a-z!][a-z0-9-]{0,20})/i.exec(html.slice(open, open + 24))?.[1]?.toLowerCase();
    if (tag === undefined && skipTo === undefined) out += html.slice(open, close + 1);
    else if (skipTo !== undefined) skipTo = tag === skipTo ? undefined : skipTo;
    else if (tag === 'style' || tag === 'script') skipTo = `/${tag}`;
    else if (tag !== undefined && /^\/?(p|div|br|tr|li|ul|h\d|table|pre|hr|blockquote)$/.test(tag)) out += '\n';
    else if (tag === '/td' || tag === '/th') out += ' ';
    at = close + 1;
  }
  return skipTo === undefined ? out + html.slice(at).replace(/\s+/g, ' ') : out;
}

function entity(name: string): string | undefined {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()];
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return Number.isFinite(code) && code > 0 && code < 0x110000 ? String.fromCodePoint(code) : undefined;
}
