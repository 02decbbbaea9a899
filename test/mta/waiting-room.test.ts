import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingRoom } from '../../mta/egress/waiting-room.ts';

test('who came first is let in first; who found the place taken is the next', async () => {
  const room = new WaitingRoom();
  const order: string[] = [];
  const enter = (name: string, again = false) => room.wait(10_000, again).then(() => order.push(name));
  const first = enter('first');
  const second = enter('second');
  const third = enter('third');
  room.letIn(1);
  await first;
  const again = enter('first again', true);
  room.letIn(2);
  await Promise.all([again, second]);
  assert.equal(room.empty, false);
  room.letIn(5);
  await third;
  assert.deepEqual(order, ['first', 'first again', 'second', 'third']);
  assert.equal(room.empty, true);
});

test('whose time is over goes, and takes nobody else’s turn', async () => {
  const room = new WaitingRoom();
  await room.wait(1, false);
  assert.equal(room.empty, true);
  const short = room.wait(1, false);
  let entered = false;
  const long = room.wait(10_000, false).then(() => {
    entered = true;
  });
  await short;
  assert.equal(entered, false);
  room.letIn(1);
  await long;
  assert.equal(room.empty, true);
});
