/**
 * Whose turn it is. New mail of a pool at a provider is a set of flows, a stream and a tenant each; flows with mail take
 * turns (deficit round robin with messages as the unit), so that a tenant with a million messages takes no more of the
 * free slots than one with ten. Transactional flows come first. Each remembers where its last claim ended.
 *
 * What is remembered is a guess that a look corrects: other processes add mail, and mail may be put back before a cursor.
 */
import { type Cursor, type Flow, type FlowQuery, START } from '../../store/claims.ts';

interface State extends Flow {
  after: Cursor;
  /** May have mail. */
  ready: boolean;
}

/** Flows remembered; beyond it those without mail are forgotten. */
const REMEMBERED = 10_000;

export class Flows {
  readonly #known = new Map<string, State>();
  /** Marketing flows in the order of their next turn. */
  #round: State[] = [];
  #transactional: State[] = [];

  /** Is there a flow that may have mail? */
  get any(): boolean {
    return this.#round.length > 0 || this.#transactional.length > 0;
  }

  /** Mail of this flow was queued, or handed back. */
  add({ stream, tenant }: Flow): void {
    const key = `${stream} ${tenant}`;
    let state = this.#known.get(key);
    if (state === undefined) {
      if (this.#known.size >= REMEMBERED) this.#forget();
      state = { stream, tenant, after: START, ready: false };
      this.#known.set(key, state);
    }
    this.#ready(state);
  }

  /** A row of this flow was put back: the next claim must begin before it. */
  putBack(flow: Flow, position: Cursor): void {
    this.add(flow);
    const state = this.#known.get(`${flow.stream} ${flow.tenant}`);
    const before = { due: position.due, id: position.id - 1 };
    if (state !== undefined && after(state.after, before)) state.after = before;
  }

  /** What a look found; with it every claim begins at its flow's start again. */
  looked(found: readonly Flow[]): void {
    for (const state of this.#known.values()) state.after = START;
    for (const flow of found) this.add(flow);
  }

  /**
   * Shares slots among the flows: `marketing` of them by turns, and up to `transactional` for each flow of that stream.
   * Tenants in `last` have their turn after all others.
   */
  next(
    slots: { readonly marketing: number; readonly transactional: number },
    last: readonly string[] = [],
  ): FlowQuery[] {
    const turns = new Map<State, number>();
    const inOrder = [
      ...this.#round.filter(({ tenant }) => !last.includes(tenant)),
      ...this.#round.filter(({ tenant }) => last.includes(tenant)),
    ];
    const quantum = inOrder.length === 0 ? 0 : Math.max(1, Math.ceil(slots.marketing / inOrder.length));
    for (let left = slots.marketing; left > 0 && turns.size < inOrder.length; ) {
      const state = inOrder[turns.size] as State;
      turns.set(state, Math.min(quantum, left));
      left -= quantum;
    }
    const query = (state: State, most: number): FlowQuery => ({
      stream: state.stream,
      tenant: state.tenant,
      most,
      after: state.after,
    });
    const first = slots.transactional > 0 ? this.#transactional.map((state) => query(state, slots.transactional)) : [];
    this.#round = [...this.#round.filter((state) => !turns.has(state)), ...turns.keys()];
    return [...first, ...[...turns].map(([state, most]) => query(state, most))];
  }

  /**
   * What came of a claim: cursors move on; a flow that gave less than it was asked for is empty, but only when `all`
   * could have been given (the claim was not cut short by other mail).
   */
  claimed(
    asked: readonly FlowQuery[],
    rows: readonly { readonly stream: string; readonly tenant: string; readonly position: Cursor }[],
    all: boolean,
  ): void {
    const given = new Map<string, { count: number; last: Cursor }>();
    for (const { stream, tenant, position } of rows) {
      const key = `${stream} ${tenant}`;
      const before = given.get(key);
      const last = before !== undefined && after(before.last, position) ? before.last : position;
      given.set(key, { count: (before?.count ?? 0) + 1, last });
    }
    for (const { stream, tenant, most } of asked) {
      const key = `${stream} ${tenant}`;
      const state = this.#known.get(key);
      const got = given.get(key);
      if (state === undefined) continue;
      if (got !== undefined && after(got.last, state.after)) state.after = got.last;
      if (all && (got?.count ?? 0) < most) this.#empty(state);
    }
  }

  #ready(state: State): void {
    if (state.ready) return;
    state.ready = true;
    (state.stream === 'transactional' ? this.#transactional : this.#round).push(state);
  }

  #empty(state: State): void {
    state.ready = false;
    this.#round = this.#round.filter((one) => one !== state);
    this.#transactional = this.#transactional.filter((one) => one !== state);
  }

  #forget(): void {
    for (const [key, state] of this.#known) if (!state.ready) this.#known.delete(key);
  }
}

/** Is `a` after `b`? PostgreSQL writes the timestamps of one session in one zone and ISO form. */
function after(a: Cursor, b: Cursor): boolean {
  if (b.due === START.due) return a.due !== START.due;
  if (a.due === START.due) return false;
  const [first, second] = [Date.parse(a.due), Date.parse(b.due)];
  if (first !== second) return first > second;
  return a.due === b.due ? a.id > b.id : micros(a.due) > micros(b.due);
}

/** Fractional digits of a second, padded: Date.parse reads three of them. */
function micros(due: string): string {
  return (/\.(\d+)/.exec(due)?.[1] ?? '').padEnd(6, '0');
}
