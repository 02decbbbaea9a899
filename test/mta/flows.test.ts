import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Flows } from '../../mta/egress/flows.ts';
import { LaneSlots } from '../../mta/egress/slots.ts';
import { type FlowQuery, START } from '../../store/claims.ts';

const flow = (tenant: string, stream = 'marketing') => ({ stream, tenant });

/** A queue in memory that answers a claim as the store would: flow by flow, in order, after the cursor. */
class Waiting {
  readonly #mail = new Map<string, number[]>();
  #next = 0;

  add(tenant: string, count: number): void {
    const list = this.#mail.get(tenant) ?? [];
    for (let n = 0; n < count; n++) list.push(++this.#next);
    this.#mail.set(tenant, list);
  }

  left(tenant: string): number {
    return this.#mail.get(tenant)?.length ?? 0;
  }

  claim(flows: readonly FlowQuery[], most: number) {
    const rows: { stream: string; tenant: string; position: { due: string; id: number } }[] = [];
    for (const { stream, tenant, most: own, after } of flows) {
      const list = this.#mail.get(tenant) ?? [];
      for (const id of list.filter((one) => one > after.id).slice(0, Math.min(own, most - rows.length))) {
        list.splice(list.indexOf(id), 1);
        rows.push({ stream, tenant, position: { due: '2026-01-05T00:00:00+00:00', id } });
      }
    }
    return rows;
  }
}

/** One pass of a dispatcher with `slots` free ones; returns how many each tenant got. */
function pass(flows: Flows, waiting: Waiting, slots: number): Map<string, number> {
  const asked = flows.next({ marketing: slots, transactional: 0 });
  const rows = waiting.claim(asked, slots);
  flows.claimed(asked, rows, rows.length < slots);
  const got = new Map<string, number>();
  for (const { tenant } of rows) got.set(tenant, (got.get(tenant) ?? 0) + 1);
  return got;
}

describe('whose turn it is', () => {
  test("a tenant's ten messages start before twenty more of a tenant with a million", () => {
    const waiting = new Waiting();
    const flows = new Flows();
    waiting.add('large', 5_000);
    flows.add(flow('large'));
    for (let n = 0; n < 50; n++) pass(flows, waiting, 3);
    waiting.add('small', 10);
    flows.add(flow('small'));
    const before = waiting.left('large');
    while (waiting.left('small') > 0) pass(flows, waiting, 3);
    assert.ok(
      before - waiting.left('large') <= 20,
      `${before - waiting.left('large')} of the large one went meanwhile`,
    );
  });

  test('all mail of all flows is given, and no flow with mail waits for more than one round', () => {
    const world = fc.record({
      tenants: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }),
      slots: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(world, ({ tenants, slots }) => {
        const waiting = new Waiting();
        const flows = new Flows();
        tenants.forEach((count, n) => {
          waiting.add(`t${n}`, count);
          flows.add(flow(`t${n}`));
        });
        const unserved = new Map<string, number>();
        for (let n = 0; flows.any; n++) {
          assert.ok(n < 10_000, 'it ends');
          const got = pass(flows, waiting, slots[n % slots.length] as number);
          for (const at of tenants.keys()) {
            const tenant = `t${at}`;
            const passes = got.has(tenant) || waiting.left(tenant) === 0 ? 0 : (unserved.get(tenant) ?? 0) + 1;
            unserved.set(tenant, passes);
            assert.ok(passes <= tenants.length, `${tenant} waited ${passes} passes among ${tenants.length}`);
          }
        }
        for (const n of tenants.keys()) assert.equal(waiting.left(`t${n}`), 0);
      }),
    );
  });

  test('transactional flows come first, and tenants that had their share last', () => {
    const flows = new Flows();
    for (const tenant of ['a', 'b', 'c']) flows.add(flow(tenant));
    flows.add(flow('receipts', 'transactional'));
    const asked = flows.next({ marketing: 2, transactional: 4 }, ['a', 'b']);
    assert.deepEqual(
      asked.map(({ tenant, most }) => [tenant, most]),
      [
        ['receipts', 4],
        ['c', 1],
        ['a', 1],
      ],
    );
  });

  test('a row that was put back before the cursor is asked for again; microseconds count', () => {
    const flows = new Flows();
    flows.add(flow('a'));
    const asked = flows.next({ marketing: 2, transactional: 0 });
    assert.deepEqual(asked[0]?.after, START);
    const at = (micros: string, id: number) => ({ due: `2026-01-05T00:00:00.${micros}+00:00`, id });
    const rows = [at('000001', 7), at('000002', 5)].map((position) => ({ ...flow('a'), position }));
    flows.claimed(asked, rows.toReversed(), false);
    assert.deepEqual(flows.next({ marketing: 1, transactional: 0 })[0]?.after, at('000002', 5));
    flows.putBack(flow('a'), at('000002', 5));
    assert.deepEqual(flows.next({ marketing: 1, transactional: 0 })[0]?.after, at('000002', 4));
    flows.putBack(flow('a'), at('000003', 9));
    assert.deepEqual(flows.next({ marketing: 1, transactional: 0 })[0]?.after, at('000002', 4), 'it never moves on');
  });
});

describe('slots', () => {
  test('marketing never takes the connections that are kept for transactional mail, whatever comes and goes', async () => {
    const step = fc.record({ stream: fc.constantFrom('marketing', 'transactional'), end: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 60 }), async (all, steps) => {
        let busy = 0;
        const slots = new LaneSlots({
          get freeSlots() {
            return all - busy;
          },
        });
        const running: { stream: string; end: () => Promise<void> }[] = [];
        const kept = Math.min(all - 1, Math.max(1, Math.floor(all * 0.2)));
        for (const { stream, end } of steps) {
          if (slots.free(stream, false) > 0) {
            slots.promise(stream);
            if (end % 7 === 0) slots.release(stream);
            else {
              busy += 1;
              let finish = () => {};
              const sent = new Promise<void>((resolve) => {
                finish = resolve;
              });
              const done = slots.keep(stream, () => sent);
              running.push({
                stream,
                end: async () => {
                  busy -= 1;
                  finish();
                  await done;
                },
              });
            }
          }
          if (end % 3 === 0) await running.splice(end % Math.max(1, running.length), 1)[0]?.end();
          const marketing = running.filter((one) => one.stream === 'marketing').length;
          assert.ok(marketing <= all - kept, `${marketing} of ${all}`);
          assert.ok(running.length <= all);
          assert.equal(slots.free('transactional', false), all - running.length);
          assert.equal(slots.free('marketing', true), all - running.length, 'a cold lane keeps nothing back');
        }
      }),
      { numRuns: 200 },
    );
  });
});
