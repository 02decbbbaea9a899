import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CUTOVER_EVENTS,
  CUTOVER_PHASES,
  type CutoverPhase,
  type CutoverState,
  cutoverAfter,
  isOver,
  RAISING,
} from '../../../policy/cutover/machine.ts';

const RUNGS = 4;

/** Every phase at every kind of rung (-1 nothing, 3 the last): all that leads on, and nothing else does. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  'preparing -1': [
    'advance > running 0',
    'ask > waiting -1',
    'hold > holding -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'waiting -1': [
    'doubt > preparing -1',
    'approve > running 0',
    'hold > holding -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'waiting 0': [
    'doubt > running 0',
    'approve > running 1',
    'hold > holding 0',
    'step-back > rolled-back -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'waiting 1': [
    'doubt > running 1',
    'approve > running 2',
    'hold > holding 1',
    'step-back > stepped-back 0',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'waiting 2': [
    'doubt > running 2',
    'approve > watching 3',
    'hold > holding 2',
    'step-back > stepped-back 1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'running 0': [
    'advance > running 1',
    'ask > waiting 0',
    'hold > holding 0',
    'step-back > rolled-back -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'running 1': [
    'advance > running 2',
    'ask > waiting 1',
    'hold > holding 1',
    'step-back > stepped-back 0',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'running 2': [
    'advance > watching 3',
    'ask > waiting 2',
    'hold > holding 2',
    'step-back > stepped-back 1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'holding -1': ['hold > holding -1', 'resume > preparing -1', 'rollback > rolled-back -1', 'abort > aborted -1'],
  'holding 0': [
    'hold > holding 0',
    'resume > running 0',
    'step-back > rolled-back -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'holding 1': [
    'hold > holding 1',
    'resume > running 1',
    'step-back > stepped-back 0',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'holding 3': [
    'hold > holding 3',
    'resume > watching 3',
    'step-back > stepped-back 2',
    'rollback > rolled-back -1',
    'reverse > rolled-back -1',
    'abort > aborted -1',
  ],
  'stepped-back 0': [
    'hold > holding 0',
    'step-back > rolled-back -1',
    'recover > running 0',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'stepped-back 1': [
    'hold > holding 1',
    'step-back > stepped-back 0',
    'recover > running 1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'stepped-back 2': [
    'hold > holding 2',
    'step-back > stepped-back 1',
    'recover > running 2',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'rolled-back -1': [
    'hold > rolled-back -1',
    'resume > preparing -1',
    'rollback > rolled-back -1',
    'abort > aborted -1',
  ],
  'rolled-back 0': ['hold > rolled-back 0', 'resume > running 0', 'rollback > rolled-back -1', 'abort > aborted -1'],
  'rolled-back 1': ['hold > rolled-back 1', 'resume > running 1', 'rollback > rolled-back -1', 'abort > aborted -1'],
  'watching 3': [
    'hold > holding 3',
    'step-back > stepped-back 2',
    'rollback > rolled-back -1',
    'reverse > rolled-back -1',
    'complete > done 3',
    'abort > aborted -1',
  ],
  'done 3': [],
  'aborted -1': [],
};

const where = Map.groupBy(
  Object.keys(TABLE).map((key) => ({ phase: key.split(' ')[0] as CutoverPhase, rung: Number(key.split(' ')[1]) })),
  ({ phase }) => phase,
);
const places = (phase: CutoverPhase) => (where.get(phase) ?? []).map(({ rung }) => rung);

test('every phase and event, at every kind of rung: where it leads, or that it is refused', () => {
  for (const phase of CUTOVER_PHASES) {
    assert.ok(places(phase).length > 0, phase);
    for (const rung of places(phase)) {
      const found = CUTOVER_EVENTS.flatMap((event) => {
        const after = cutoverAfter({ phase, rung }, event, RUNGS);
        return after === undefined ? [] : [`${event} > ${after.phase} ${after.rung}`];
      });
      assert.deepEqual(found, TABLE[`${phase} ${rung}`], `${phase} ${rung}`);
    }
  }
});

test('no open phase is a dead end: from everywhere it can be finished, and taken back', () => {
  const reach = (from: CutoverState): Set<string> => {
    const seen = new Set<string>();
    const todo = [from];
    for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
      const key = `${state.phase} ${state.rung}`;
      if (seen.has(key)) continue;
      seen.add(key);
      for (const event of CUTOVER_EVENTS) {
        const after = cutoverAfter(state, event, RUNGS);
        if (after !== undefined) todo.push(after);
      }
    }
    return seen;
  };
  for (const phase of CUTOVER_PHASES) {
    for (const rung of places(phase)) {
      const reached = reach({ phase, rung });
      if (isOver(phase)) assert.equal(reached.size, 1);
      else
        for (const end of ['done 3', 'aborted -1', 'rolled-back -1'])
          assert.ok(reached.has(end), `${phase} ${rung}: ${end}`);
    }
  }
});

const events = fc.array(
  fc.record({
    event: fc.constantFrom(...CUTOVER_EVENTS),
    to: fc.option(fc.integer({ min: -1, max: 5 }), { nil: undefined }),
  }),
  { maxLength: 60 },
);

test('whatever happens: only advance and approve raise, the rung stays on the ladder, phase and rung agree', () => {
  fc.assert(
    fc.property(events, (all) => {
      let state: CutoverState = { phase: 'preparing', rung: -1 };
      for (const { event, to } of all) {
        const after = cutoverAfter(state, event, RUNGS, to);
        if (after === undefined) continue;
        assert.ok(!isOver(state.phase), 'nothing leads out of an end');
        assert.ok(after.rung <= state.rung || RAISING.includes(event), `${event} raised`);
        assert.ok(after.rung >= -1 && after.rung < RUNGS);
        if (after.phase === 'watching' || after.phase === 'done') assert.equal(after.rung, RUNGS - 1);
        if (after.phase === 'running') assert.ok(after.rung >= 0 && after.rung < RUNGS - 1);
        if (after.phase === 'preparing' || after.phase === 'aborted') assert.equal(after.rung, -1);
        state = after;
      }
    }),
  );
});

test('a rollback and an abort are always possible while mail takes the new arm', () => {
  for (const phase of CUTOVER_PHASES)
    for (const rung of places(phase)) {
      if (isOver(phase) || rung < 0) continue;
      assert.deepEqual(cutoverAfter({ phase, rung }, 'rollback', RUNGS), { phase: 'rolled-back', rung: -1 });
      assert.deepEqual(cutoverAfter({ phase, rung }, 'abort', RUNGS), { phase: 'aborted', rung: -1 });
    }
});
