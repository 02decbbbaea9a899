/**
 * The same message through both arms: what a mailbox provider would see of a difference. A landing page on one arm, or a
 * signature of another domain, changes placement whatever the addresses do; the comparison would blame the arm for it. Each
 * difference keeps the canary waiting until a person has accepted it by name. Pure.
 */

export interface Difference {
  /** What a person accepts it by. */
  readonly name: string;
  readonly old: string;
  readonly new: string;
}

/** No seed to send to: nobody has compared, and that too has to be accepted by name. */
export const NOT_COMPARED: Difference = {
  name: 'not-compared',
  old: 'not seen',
  new: 'not seen: no seed mailbox is configured, or a message did not arrive',
};

export const COMPARED_PARTS = [
  'dkim-domain',
  'from',
  'return-path-domain',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'feedback-id',
  'links',
] as const;

/** Compares two raw messages (RFC 5322) as they arrived. */
export function differencesOf(old: Buffer, ours: Buffer): Difference[] {
  const [a, b] = [partsOf(old), partsOf(ours)];
  return COMPARED_PARTS.flatMap((name) =>
    a[name] === b[name] ? [] : [{ name, old: a[name] || 'none', new: b[name] || 'none' }],
  );
}

function partsOf(raw: Buffer): Record<(typeof COMPARED_PARTS)[number], string> {
  const text = raw.toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  const fields = (end === null ? text : text.slice(0, end.index))
    .split(/\r?\n(?![ \t])/)
    .map((field) => field.replace(/\r?\n[ \t]+/g, ' '));
  const all = (name: string) =>
    fields.flatMap((field) =>
      field.toLowerCase().startsWith(`${name}:`) ? [field.slice(name.length + 1).trim()] : [],
    );
  const first = (name: string) => all(name)[0] ?? '';
  const list = (values: readonly string[]) => [...new Set(values)].sort().join(', ');
  return {
    'dkim-domain': list(
      all('dkim-signature').flatMap((value) => /(?:^|;)\s*d\s*=\s*([^;\s]+)/.exec(value)?.[1]?.toLowerCase() ?? []),
    ),
    from: first('from'),
    // VERP makes the local part another one for every message.
    'return-path-domain': /@([^@>\s]+)>?$/.exec(first('return-path'))?.[1]?.toLowerCase() ?? '',
    'list-unsubscribe': list(
      [...first('list-unsubscribe').matchAll(/<([^>]+)>/g)].map((found) => hostOf(found[1] ?? '')),
    ),
    'list-unsubscribe-post': first('list-unsubscribe-post').toLowerCase(),
    'feedback-id': first('feedback-id'),
    links: list(linkHosts(text, end === null ? text.length : end.index + end[0].length)),
  };
}

/** Hosts, for a tracked link's path differs from message to message. */
function linkHosts(text: string, from: number): string[] {
  const body = text.slice(from);
  const plain = [body, body.replace(/=\r?\n/g, '').replace(/=3D/gi, '='), ...base64Parts(body)];
  return plain
    .flatMap((one) => [...one.matchAll(/https?:\/\/[^\s"'<>)\]]+/gi)].map((found) => hostOf(found[0])))
    .filter((host) => host !== '');
}

function base64Parts(body: string): string[] {
  const blocks = body.match(/(?:^[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]*={0,2}/gm) ?? [];
  return blocks.map((block) => Buffer.from(block, 'base64').toString('latin1'));
}

function hostOf(url: string): string {
  return (/^[a-z]+:(?:\/\/)?(?:[^@/]*@)?([a-z0-9.-]+)/i.exec(url)?.[1] ?? '').toLowerCase();
}
