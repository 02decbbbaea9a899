import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isCold,
  LANE_EVENTS,
  type LaneEvent,
  maySend,
  type PauseReason,
  PHASES,
  type Phase,
  transition,
} from '../../policy/lane.ts';

/** The whole table, phase by phase in the order of LANE_EVENTS; '-' is refused. */
const TABLE: Record<string, string> = {
  //               start    advance    hold          step-back    recover graduate   complete idle outgrow quarantine  release reenter abort
  planned: 'ramping - - - - - - - - quarantined - - -',
  ramping: '- ramping holding stepped-back - graduating - - - quarantined - - planned',
  holding: '- ramping holding stepped-back - graduating - - - quarantined - - planned',
  'stepped-back': 'ramping - stepped-back stepped-back ramping - - - - quarantined - - planned',
  quarantined: '- - quarantined - - - - - - quarantined probing - planned',
  probing: '- - probing - - - - - - quarantined - stepped-back planned',
  graduating: '- graduating graduating stepped-back - - warm - - quarantined - - planned',
  warm: '- - warm stepped-back - - - cooling graduating quarantined - - -',
  cooling: 'ramping cooling cooling stepped-back - - warm - - quarantined - - planned',
};

test('every phase answers every event as the table says', () => {
  for (const phase of PHASES) {
    const answers = LANE_EVENTS.map((event) => transition(phase, event, []) ?? '-');
    assert.equal(answers.join(' '), TABLE[phase], phase);
  }
});

const RAISING = new Set(['advance', 'graduate', 'outgrow', 'complete', 'recover', 'release', 'reenter']);

test('a pause refuses what raises and lets every safety event through', () => {
  for (const reason of ['operator', 'gate', 'incident', 'freeze', 'no-data'] as PauseReason[]) {
    for (const phase of PHASES) {
      for (const event of LANE_EVENTS) {
        const expected = RAISING.has(event) ? undefined : transition(phase, event, []);
        assert.equal(transition(phase, event, [reason]), expected, `${phase} ${event} under ${reason}`);
      }
    }
  }
});

/** Every phase that some events lead to from one, without those in `never`. */
function reachedFrom(from: Phase, never: readonly LaneEvent[]): Set<Phase> {
  const reached = new Set<Phase>([from]);
  for (const phase of reached) {
    for (const event of LANE_EVENTS) {
      const to = never.includes(event) ? undefined : transition(phase, event, []);
      if (to !== undefined) reached.add(to);
    }
  }
  return reached;
}

test('no phase is a dead end: from each one, some events lead to warm', () => {
  for (const from of PHASES) assert.ok(reachedFrom(from, []).has('warm'), `${from} never becomes warm`);
});

test('from every phase the way to warm needs no abort, and of a person a start at most', () => {
  for (const from of PHASES) {
    assert.ok(reachedFrom(from, ['abort']).has('warm'), `${from} is left by an abort alone`);
    if (from !== 'planned') assert.ok(reachedFrom(from, ['abort', 'start']).has('warm'), `${from} waits for a start`);
  }
});

test('mail begins again after quarantine by probing alone, and after an abort by a start alone', () => {
  for (const event of LANE_EVENTS) {
    const out = transition('quarantined', event, []);
    if (out !== undefined && maySend(out)) assert.equal(out, 'probing');
    const again = transition('planned', event, []);
    if (again !== undefined && maySend(again)) assert.equal(event, 'start');
  }
});

test('only warm lanes send without a decided grant, and two phases never send', () => {
  assert.deepEqual(
    PHASES.filter((phase) => !isCold(phase)),
    ['warm'],
  );
  assert.deepEqual(
    PHASES.filter((phase) => !maySend(phase)),
    ['planned', 'quarantined'],
  );
});
