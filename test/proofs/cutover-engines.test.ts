/**
 * Both engines in both directions, with more steps, a rollback of each front, and kills all the time: some minutes, and so
 * part of `make proofs`. Its short form is test/cutover/engines.test.ts.
 */
import { describe, test } from 'node:test';
import { enginesMissing } from '../cutover/engine.ts';
import { prove } from '../cutover/prove.ts';
import type { Script } from '../cutover/setting.ts';

const LONG = { steps: [10, 30, 60, 100], killEveryMs: 8_000, rollBackAt: 60, patienceMs: 900_000 };
const PLAYS: readonly Script[] = [
  { leaves: 'postfix', joins: 'exim', ...LONG },
  { leaves: 'exim', joins: 'postfix', ...LONG },
];

describe('whole cutovers with kills', () => {
  for (const script of PLAYS)
    test(
      `${script.leaves} → Rampart and Rampart → ${script.joins}: nothing lost, doubled only in doubt`,
      {
        skip: enginesMissing(),
      },
      (context) => prove(context, script),
    );
});
