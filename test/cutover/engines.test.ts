/** A front leaves Postfix and another one goes to Exim, while our processes are killed. The long form: test/proofs. */
import { test } from 'node:test';
import { enginesMissing } from './engine.ts';
import { prove } from './prove.ts';

test(
  'Postfix → Rampart and Rampart → Exim, a process killed at each step: nothing lost, doubled only in doubt',
  {
    skip: enginesMissing(),
  },
  (context) => prove(context, { leaves: 'postfix', joins: 'exim', steps: [50, 100], patienceMs: 240_000 }),
);
