/** The unit book of an upstream: no grant and no ceiling binds what another engine takes. */
import type { Unit, UnitBook } from '../egress/carrier.ts';

const UNIT: Unit = {
  windowIndex: 0,
  hour: 0,
  until: Number.POSITIVE_INFINITY,
  closes: Number.MAX_SAFE_INTEGER,
};

export class FreeUnits implements UnitBook {
  readonly nextAt = 0;
  readonly binds = 'none';

  mayHave(): boolean {
    return true;
  }

  async take(_lane: unknown, _cold: boolean, want: number): Promise<Unit[]> {
    return Array.from({ length: want }, () => UNIT);
  }

  takeAtHand(_lane: unknown, want: number): Unit[] {
    return Array.from({ length: want }, () => UNIT);
  }

  async refill(): Promise<boolean> {
    return true;
  }

  async putBack(): Promise<void> {}
}
