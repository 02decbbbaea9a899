/** Just enough of RFC 5322 to read single headers out of a message. */

/** The header block of a message, without the empty line after it. */
export function headerBlock(message: Buffer): string {
  const end = message.indexOf('\r\n\r\n');
  return message.subarray(0, end < 0 ? message.length : end).toString('latin1');
}

/** The unfolded value of the first header of this name (any case), or null. */
export function headerValue(headers: string, name: string): string | null {
  return headerValues(headers, name)[0] ?? null;
}

/** The unfolded values of all headers of this name (any case), in their order. */
export function headerValues(headers: string, name: string): string[] {
  const pattern = new RegExp(`^${name}:((?:.*(?:\r\n[ \t])?)*)`, 'gim');
  return [...headers.matchAll(pattern)].map((found) => (found[1] ?? '').replace(/\r\n(?=[ \t])/g, '').trim());
}

const CAMPAIGN_HEADERS = ['X-Campaign', 'X-Campaign-Id', 'X-Rampart-Campaign'];

/** The campaign a message says it belongs to. Feedback-ID names it first (`campaign:customer:type:sender`). */
export function campaignOf(headers: string): string | null {
  for (const name of CAMPAIGN_HEADERS) {
    const value = headerValue(headers, name);
    if (value) return value;
  }
  return headerValue(headers, 'Feedback-ID')?.split(':')[0] || null;
}
