/**
 * What others say of an address: block lists and providers' own consoles (SNDS, Postmaster Tools). A reader of such a
 * source writes a row (store/signals.ts); what it means is decided here, row by row, and a newer row of the same source
 * takes the place of the older.
 *
 *   zen.spamhaus.org: SBL, CSS, XBL listing     quarantine the address: most providers refuse it
 *   zen.spamhaus.org: PBL listing               hold: the address is not set up (a policy list, no fault of the mail)
 *   Barracuda, SpamCop                          hold: few providers ask them, and both expire
 *   another list, as `preflight.dnsbls` says    quarantine (`fail`) or hold (`warn`)
 *   SNDS red, or spam traps hit                 hold at Microsoft; red on two days of 100 messages or more: step back
 *   SNDS yellow                                 observe
 *   Postmaster: low IP reputation, IP listed    step back at Google
 *   Postmaster: user spam rate                  hold from 0.1%, step back from 0.3% (Google's own two lines)
 *
 * Sources: Spamhaus' list of return codes (127.0.0.2 to .4 and .9 listings, .10 and .11 PBL; 127.255.255.x is no answer
 * but a refused query); Google, support.google.com/a/answer/81126; Microsoft's SNDS help (colours are shares of filtered mail).
 */
import { isPolicyCode, isSpamhaus } from '../preflight/dnsbl.ts';

export interface Signal {
  /** Row number: the newest of a source counts. */
  readonly id: number;
  readonly kind: 'dnsbl' | 'snds' | 'postmaster';
  /** Zone of the list, or what the console measures: `filter`, `traps`, `spam-rate`, `delivery-errors`. */
  readonly source: string;
  readonly address: string;
  /** Lane it is about; null: all of them. */
  readonly provider: string | null;
  /** `listed`, a return code, a colour, or a rate as text; `clear` takes it back. */
  readonly value: string;
  /** Of a list: what its listing means, as it is configured; absent: what is known of the list says. */
  readonly listed?: 'fail' | 'warn';
  /** Messages the source saw, where it says so. */
  readonly volume: number | null;
  /** The same source's value the send day before, where there is one. */
  readonly before: { readonly value: string; readonly volume: number | null } | null;
  /** Plan hours since it was read. */
  readonly ageHours: number;
}

export type SignalAction = 'observe' | 'hold' | 'step-back' | 'quarantine';

export interface SignalJudgement {
  readonly signal: number;
  readonly action: SignalAction;
  readonly says: string;
}

/** Older than this a row says nothing any more: holding for ever on the last word of a broken reader helps nobody. */
export const SIGNAL_HOURS = 48;
/** Messages a day below which a colour rests on too little. */
const SNDS_LEAST = 100;
const SPAM_RATE = { hold: 0.001, stepBack: 0.003 } as const;

/** What a signal asks for. A row that is out of date or taken back asks for nothing. */
export function judgeSignal(signal: Signal): SignalJudgement {
  const of = (action: SignalAction, says: string): SignalJudgement => ({ signal: signal.id, action, says });
  const name = `${signal.kind} ${signal.source}`;
  if (signal.value === 'clear') return of('observe', `${name}: clear`);
  // A listing lasts until its source says otherwise; a day's figure does not.
  if (signal.kind === 'dnsbl') return dnsbl(signal, of);
  if (signal.ageHours > SIGNAL_HOURS)
    return of('observe', `${name} was last read ${Math.floor(signal.ageHours)} h ago`);
  return signal.kind === 'snds' ? snds(signal, of) : postmaster(signal, of);
}

type Of = (action: SignalAction, says: string) => SignalJudgement;

function dnsbl({ address, source, value, listed: means }: Signal, of: Of): SignalJudgement {
  if (value.startsWith('127.255.255.')) return of('observe', `${source} refused the query (${value}): no answer`);
  const listed = `${address} is listed at ${source} (${value})`;
  if (isPolicyCode(source, value))
    return of('hold', `${listed}: a policy list, ask for its removal at check.spamhaus.org`);
  if (isSpamhaus(source))
    return of('quarantine', `${listed}: remove the cause, then ask for its removal at check.spamhaus.org`);
  if (means === 'fail') return of('quarantine', `${listed}: remove the cause, then ask ${source} for its removal`);
  if (means === 'warn' || source === 'b.barracudacentral.org' || source === 'bl.spamcop.net') return of('hold', listed);
  return of('observe', `${listed}: a list no large provider is known to ask`);
}

function snds({ source, value, volume, before }: Signal, of: Of): SignalJudgement {
  if (source === 'traps')
    return Number(value) > 0 ? of('hold', `SNDS: ${value} spam traps were hit`) : of('observe', 'SNDS: no traps hit');
  if (value !== 'red') return of('observe', `SNDS: ${value}`);
  const enough = (seen: number | null) => seen !== null && seen >= SNDS_LEAST;
  const again = before?.value === 'red' && enough(before.volume) && enough(volume);
  return again
    ? of('step-back', 'SNDS: red on two days')
    : of('hold', `SNDS: red on ${volume ?? 'an unknown number of'} messages`);
}

function postmaster({ source, value }: Signal, of: Of): SignalJudgement {
  if (source === 'delivery-errors')
    return value === 'low_ip_reputation' || value === 'ip_in_rbls'
      ? of('step-back', `Postmaster Tools: mail is refused for ${value}`)
      : of('observe', `Postmaster Tools: ${value}`);
  const rate = Number(value);
  if (source !== 'spam-rate' || !Number.isFinite(rate)) return of('observe', `Postmaster Tools: ${source} ${value}`);
  const says = `Postmaster Tools: ${(rate * 100).toFixed(2)}% of users marked it as spam`;
  if (rate >= SPAM_RATE.stepBack) return of('step-back', says);
  return rate >= SPAM_RATE.hold ? of('hold', says) : of('observe', says);
}
