import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostDane } from '../../mta/transport-security/dane.ts';
import {
  requirementOf,
  type Secured,
  satisfies,
  securityText,
  type TlsPolicy,
} from '../../mta/transport-security/requirement.ts';
import type { StsPolicy } from '../../mta/transport-security/sts-policy.ts';

const POLICIES: readonly TlsPolicy[] = ['none', 'opportunistic', 'required', 'verify'];
const STS: readonly (StsPolicy | null)[] = [
  null,
  ...(['none', 'testing', 'enforce'] as const).flatMap((mode) => [
    { mode, mx: ['mx.a.example'], maxAge: 1 },
    { mode, mx: ['mx.else.example'], maxAge: 1 },
  ]),
];
const DANE: readonly HostDane['state'][] = ['none', 'usable', 'unusable', 'bogus'];

/** What a connection may be, from nothing to everything. */
const SECURED: readonly (Secured | null)[] = [
  null,
  ...[null, 'unknown authority'].flatMap((problem) =>
    [false, true].map((dane) => ({ serverName: 'mx.a.example', version: 'TLSv1.3', cipher: 'x', problem, dane })),
  ),
];

test('every combination of what is configured and published asks for what the RFCs say, and names who asks', () => {
  for (const policy of POLICIES) {
    for (const sts of STS) {
      for (const state of DANE) {
        const dane = { state, records: [], base: 'mx.a.example', why: `DANE ${state}` };
        const need = requirementOf('mx.a.example', { policy, from: 'the test' }, sts, dane);
        const what = `${policy}, STS ${sts?.mode} ${sts?.mx}, DANE ${state}`;
        const enforced = sts?.mode === 'enforce' && state !== 'usable';
        const refused = state === 'bogus' || (enforced && !sts.mx.includes('mx.a.example'));
        assert.equal('refused' in need, refused, what);
        if ('refused' in need) continue;
        const clear = SECURED.filter((one) => satisfies(one, need)).includes(null);
        const weak = policy === 'none' || policy === 'opportunistic';
        assert.equal(clear, weak && !enforced && state === 'none', `in clear: ${what}`);
        const check = state === 'usable' ? 'tlsa' : enforced || policy === 'verify' ? 'public-authority' : 'nobody';
        assert.equal(need.check, check, what);
        assert.ok(need.why.length > 0);
      }
    }
  }
});

test('a connection serves what it meets: TLSA by DANE, authority by its certificate and name', () => {
  const must = (check: 'nobody' | 'public-authority' | 'tlsa', serverName = 'mx.a.example') =>
    ({ startTls: 'must', check, tlsa: [], serverName, why: '' }) as const;
  const served = (need: ReturnType<typeof must>) => SECURED.map((one) => satisfies(one, need));
  assert.deepEqual(served(must('nobody')), [false, true, true, true, true]);
  assert.deepEqual(served(must('public-authority')), [false, true, true, false, false]);
  assert.deepEqual(served(must('public-authority', 'mx.b.example')), [false, false, false, false, false]);
  assert.deepEqual(served(must('tlsa')), [false, false, true, false, true]);
  assert.deepEqual(SECURED.map(securityText), [
    'in clear',
    'TLSv1.3, certificate checked',
    'TLSv1.3, checked by DANE',
    'TLSv1.3, unverified',
    'TLSv1.3, checked by DANE',
  ]);
});
