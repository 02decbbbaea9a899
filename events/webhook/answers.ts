/** What a webhook's answer means (RFC 9110 §15, Standard Webhooks "Deliverability and reliability"). Pure. */
import type { SinkProblem } from '../sink.ts';

/** null: it took them. `now` in ms since 1970. */
export function answerProblem(
  status: number,
  headers: { readonly 'retry-after'?: string | undefined; readonly location?: string | undefined },
  excerpt: string,
  now: number,
): SinkProblem | null {
  if (status >= 200 && status < 300) return null;
  const says = `${status}${excerpt === '' ? '' : `: ${excerpt}`}`;
  if (status === 410) return { kind: 'gone', says };
  if (status === 408 || status === 429 || status >= 500) {
    const retryAfterMs = retryAfter(headers['retry-after'], now);
    return { kind: 'retry', says, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  if (status === 400 || status === 413 || status === 422) return { kind: 'content', says };
  if (status >= 300 && status < 400) {
    // Followed, it would hand signed events to whoever can write a Location header.
    return { kind: 'refused', says: `${status}: redirects are not followed (to ${headers.location ?? 'nowhere'})` };
  }
  return { kind: 'refused', says };
}

/** Seconds or a date (RFC 9110 §10.2.3), as ms from now; undefined: absent or unreadable. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value.trim()) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
