import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCold, LANE_EVENTS, maySend, type PauseReason, PHASES, transition } from '../../policy/lane.ts';

/** The whole table, phase by phase in the order of LANE_EVENTS; '-' is refused. */
const TABLE: Record<string, string> = {
  //               start    advance    hold          step-back    recover graduate   complete idle    quarantine  release
  planned: 'ramping - - - - - - - quarantined -',
  ramping: '- ramping holding stepped-back - graduating - - quarantined -',
  holding: '- ramping holding stepped-back - graduating - - quarantined -',
  'stepped-back': 'ramping - stepped-back stepped-back ramping - - - quarantined -',
  quarantined: '- - quarantined - - - - - quarantined stepped-back',
  graduating: '- graduating graduating stepped-back - - warm - quarantined -',
  warm: '- - warm stepped-back - - - cooling quarantined -',
  cooling: 'ramping cooling cooling stepped-back - - warm - quarantined -',
};

test('every phase answers every event as the table says', () => {
  for (const phase of PHASES) {
    const answers = LANE_EVENTS.map((event) => transition(phase, event, []) ?? '-');
    assert.equal(answers.join(' '), TABLE[phase], phase);
  }
});

const RAISING = new Set(['advance', 'graduate', 'complete', 'recover', 'release']);

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

test('no phase is a dead end: from each one, some events lead to warm', () => {
  for (const from of PHASES) {
    const reached = new Set<string>([from]);
    for (let grew = true; grew; ) {
      grew = false;
      for (const phase of [...reached] as (typeof PHASES)[number][]) {
        for (const event of LANE_EVENTS) {
          const to = transition(phase, event, []);
          if (to !== undefined && !reached.has(to)) {
            reached.add(to);
            grew = true;
          }
        }
      }
    }
    assert.ok(reached.has('warm'), `${from} never becomes warm`);
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
