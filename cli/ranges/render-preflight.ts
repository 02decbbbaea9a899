/** A preflight as lines for people. Pure. What is the same for all addresses is told once. */
import type { Check, CheckVerdict } from '../../policy/preflight/check.ts';
import type { AddressPreflight } from '../preflight/run.ts';
import type { Style } from '../terminal/style.ts';

const WORDS: Readonly<Record<CheckVerdict, string>> = { pass: 'ok  ', warn: 'warn', fail: 'fail', skipped: 'skip' };

export function preflightLines(found: readonly AddressPreflight[], style: Style): string[] {
  const shared =
    found.length < 2 ? [] : (found[0]?.checks ?? []).filter((check) => found.every((one) => has(one, check)));
  return [
    ...found.flatMap(({ address, checks }) => [
      style.bold(address),
      ...checks
        .filter((check) => !shared.includes(check) && !isShared(shared, check))
        .map((check) => line(check, style)),
    ]),
    ...(shared.length === 0
      ? []
      : [style.bold(`all ${found.length} addresses`), ...shared.map((check) => line(check, style))]),
  ];
}

/** The failures, a line each; the same one of several addresses once. */
export function failures(found: readonly AddressPreflight[]): string[] {
  const failed = found.flatMap(({ checks }) => checks.filter(({ verdict }) => verdict === 'fail'));
  return [...new Set(failed.map(({ name, about, says, todo }) => `${name} of ${about}: ${says}; ${todo}`))];
}

function has({ checks }: AddressPreflight, check: Check): boolean {
  return isShared(checks, check);
}

function isShared(checks: readonly Check[], check: Check): boolean {
  return checks.some(
    ({ name, about, verdict, says }) =>
      name === check.name && about === check.about && verdict === check.verdict && says === check.says,
  );
}

function line({ name, about, verdict, says, todo }: Check, style: Style): string {
  const word =
    verdict === 'fail' ? style.bad(WORDS.fail) : verdict === 'pass' ? style.good(WORDS.pass) : WORDS[verdict];
  const way = todo === undefined || verdict === 'skipped' ? '' : `; ${todo}`;
  return `  ${word}  ${name} of ${about}: ${says}${way}`;
}
