/** MTA-STS (RFC 8461) as text: the TXT record, the policy file, and which MX hosts a policy names. Pure. */

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Patterns, lower case: a host name, or `*.` and one. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
}

/** RFC 8461 §3.2: a year at most. */
const LONGEST_S = 31_557_600;

/** The id of the one `v=STSv1` record (§3.1); null: the domain has no policy. */
export function stsId(texts: readonly string[]): string | null {
  const records = texts.filter((text) => /^v=STSv1\s*;/.test(text));
  // With several records the domain is to be treated as having none.
  if (records.length !== 1) return null;
  return /;\s*id\s*=\s*([a-z0-9]{1,32})\s*(;|$)/i.exec(records[0] ?? '')?.[1] ?? null;
}

/** Reads a policy file (§3.2). Throws an error that says what is wrong. The first of a repeated key counts, but for mx. */
export function readStsPolicy(text: string): StsPolicy {
  const values = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^([a-z0-9_.-]{1,32})[ \t]*:[ \t]*(.*?)[ \t]*$/i.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'mx') mx.push(value.toLowerCase().replace(/\.$/, ''));
    else if (!values.has(key)) values.set(key, value);
  }
  if (values.get('version') !== 'STSv1') throw new Error('the policy does not say version: STSv1');
  const mode = values.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none')
    throw new Error('the policy has no mode that is known');
  const age = values.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) throw new Error('the policy has no max_age');
  if (mx.length === 0 && mode !== 'none') throw new Error('the policy names no mx');
  return { mode, mx, maxAge: Math.min(Number(age), LONGEST_S) };
}

/** Does a policy name this MX host (§4.1)? `*.` stands for exactly one label. */
export function stsNames(policy: Pick<StsPolicy, 'mx'>, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return policy.mx.some((pattern) => {
    if (!pattern.startsWith('*.')) return pattern === name;
    const dot = name.indexOf('.');
    return dot > 0 && name.slice(dot) === pattern.slice(1);
  });
}
