/**
 * From what a report says of one recipient to status, class and severity. The remote server's words come first (the
 * same rules that read live replies), then the report's status code, then its prose; a code alone kills nobody.
 */
import { providerOf } from '../../../policy/providers.ts';
import { classifyReply, type ReplyClass, readsStatus, UNKNOWN_PROVIDER } from '../../../policy/replies.ts';
import type { Action } from './delivery-status.ts';

export interface Evidence {
  readonly action: Action;
  /** From the report's Status field. */
  readonly status: string | null;
  /** From its Diagnostic-Code, or the words that stand by the address. */
  readonly diagnostic: string | null;
  readonly remoteMta: string | null;
  /** What stands by the address in the prose, and the whole prose: the second and third source. */
  readonly prose: readonly string[];
  /** How many letters of a text are read; a report with very many recipients gets few for each. */
  readonly letters: number;
}

export interface Reading {
  readonly status: string | null;
  readonly class: ReplyClass;
  readonly severity: 'hard' | 'soft' | 'none';
  readonly reply: string | null;
}

/** Letters to read for the recipient at this place of its report: the work for a report is bounded, not only for one text. */
export function lettersFor(place: number): number {
  return place < 50 ? 1_500 : 120;
}

/** Reads one recipient's fate. Pure; never throws. */
export function readFate(evidence: Evidence): Reading {
  const { action } = evidence;
  if (action === 'delivered' || action === 'relayed' || action === 'expanded') {
    return { status: evidence.status, class: 'delivered', severity: 'none', reply: evidence.diagnostic };
  }
  const reply = evidence.diagnostic ?? evidence.prose.find((text) => text !== '') ?? null;
  const status = pickStatus(evidence);
  const verdict = readClass(evidence, status);
  const severity = action !== 'failed' ? 'none' : verdict.hard ? 'hard' : 'soft';
  return {
    status: status ?? derivedStatus(action, verdict.class),
    class: verdict.class,
    severity,
    reply: spokenPart(reply),
  };
}

/** The report's own status, unless it says nothing ("5.0.0") and the remote's words say more. */
function pickStatus({ status, diagnostic, prose }: Evidence): string | null {
  if (status !== null && !/^[45]\.0\.0$/.test(status)) return status;
  const found = enhancedIn(diagnostic ?? '') ?? enhancedIn(prose[0] ?? '');
  return found ?? status;
}

function readClass(evidence: Evidence, status: string | null): { readonly class: ReplyClass; readonly hard: boolean } {
  const texts = [evidence.diagnostic, ...evidence.prose].filter((text): text is string => text !== null && text !== '');
  const provider = providerFrom(evidence);
  let fallback: { readonly class: ReplyClass; readonly hard: boolean } | undefined;
  for (const [index, text] of texts.entries()) {
    const cut = text.slice(0, evidence.letters);
    // The first text is the reply; prose behind it is asked for its words only, since its figures may be anything.
    const code = codeIn(cut) ?? codeOf(evidence.action, enhancedIn(cut) ?? status);
    const enhanced = enhancedIn(cut) ?? (index === 0 ? evidence.status : null);
    const verdict = classifyReply({ code, text: [enhanced ?? '', withoutCodes(cut)].join(' ').trim(), provider });
    const result = { class: verdict.class, hard: verdict.severity === 'hard' };
    if (!verdict.rule.startsWith('code-') && !verdict.rule.startsWith('status-')) return result;
    if (index === 0 && enhanced !== null && readsStatus(enhanced)) return result;
    fallback ??= result;
    // What the report itself says is better than what its prose may mention.
    if (index === 0 && evidence.status !== null && readsStatus(evidence.status)) break;
  }
  // RFC 3463 leaves open whose address 5.1.0 means; as the Status of a recipient, and with no word of a server, his.
  if (status === '5.1.0' && evidence.diagnostic === null)
    return { class: 'recipient', hard: evidence.action === 'failed' };
  if (status !== null && (fallback === undefined || readsStatus(status))) {
    const verdict = classifyReply({ code: codeOf(evidence.action, status), text: status, provider });
    return { class: verdict.class, hard: verdict.severity === 'hard' };
  }
  return fallback ?? { class: evidence.action === 'delayed' ? 'infrastructure' : 'policy', hard: false };
}

/** A reply code where replies stand: at the start, after "said:", "<<<", "returned:", in brackets or after "#". */
export function codeIn(text: string): number | undefined {
  const found = /(?:^|[\s:;(<[#"'=_-])([45]\d\d)(?=$|[\s\-,;:)\]#."'])/.exec(text)?.[1];
  return found === undefined || Number(found) > 599 ? undefined : Number(found);
}

export function enhancedIn(text: string): string | null {
  return /(?:^|[^\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/.exec(text)?.[1] ?? null;
}

function codeOf(action: Action, status: string | null): number {
  if (status !== null) return status.startsWith('4') ? 450 : 550;
  return action === 'delayed' ? 450 : 550;
}

/** Words only: what stands in front of a reply in a report ("host mx[1.2.3.4] said: 550 5.1.1") and its codes. */
function withoutCodes(text: string): string {
  return (
    spokenPart(text)
      ?.replace(/^[45]\d\d[- ]{1,3}/, '')
      .replace(/^[#(\s]{0,3}[45]\.\d{1,3}\.\d{1,3}[)\s]{0,3}/, '') ?? ''
  );
}

/** The remote's own words, where the report says which they are. */
function spokenPart(text: string | null): string | null {
  if (text === null) return null;
  const said =
    /(?:\bsaid:|\bresponded(?: with)?:|error that the other server returned was:|<<<|Remote host said:)\s{0,5}(["']?[245]\d\d[\s\S]{0,4000})$/i.exec(
      text,
    )?.[1];
  return (said ?? text).replace(/\s{1,5}\(in reply to [\w ]{1,40}(?:command)?\)\.?$/i, '').trim() || null;
}

function providerFrom({ remoteMta, diagnostic }: Evidence): string {
  const host = remoteMta ?? /\bhost ([\w.-]{4,255})\s?\[/i.exec(diagnostic ?? '')?.[1];
  if (host === undefined) return UNKNOWN_PROVIDER;
  const key = providerOf([{ exchange: host, priority: 0 }]);
  return key === 'other' ? UNKNOWN_PROVIDER : key;
}

/** RFC 3463 in the other direction, for reports that carry no code at all. */
function derivedStatus(action: Action, replyClass: ReplyClass): string {
  const first = action === 'delayed' ? '4' : '5';
  switch (replyClass) {
    case 'recipient':
      return `${first}.1.1`;
    case 'mailbox-full':
      return `${first}.2.2`;
    case 'infrastructure':
      return `${first}.4.0`;
    case 'content':
      return `${first}.6.0`;
    case 'policy':
      return `${first}.0.0`;
    default:
      return `${first}.7.0`;
  }
}
