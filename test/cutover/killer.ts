/** Ends processes of ours by `kill -9`, in an order and at moments that a seed decides. */
import type { RoleProcess } from '../../cli/roles/child.ts';
import { draw } from '../../lab/random.ts';

export interface Kill {
  readonly role: string;
  readonly at: number;
}

export class Killer {
  readonly kills: Kill[] = [];
  readonly #roles: readonly RoleProcess[];
  readonly #seed: number;
  #bag: RoleProcess[] = [];
  #rounds = 0;

  constructor(roles: readonly RoleProcess[], seed: number) {
    this.#roles = roles;
    this.#seed = seed;
  }

  /** A number from 0 to 1 that is the same for a seed and a number of kills so far. */
  draw(what: string): number {
    return draw(this.#seed, what, this.kills.length);
  }

  /** Kills the next one that runs; every process has its turn before any has its second. Returns its name; null: none runs. */
  strike(among: (name: string) => boolean = () => true): string | null {
    // One that is being started again keeps its turn.
    for (let looks = 0; looks < 2; looks++) {
      const victim = this.#bag.find((role) => among(role.name) && killed(role));
      if (victim !== undefined) {
        this.#bag = this.#bag.filter((role) => role !== victim);
        this.kills.push({ role: victim.name, at: Date.now() });
        return victim.name;
      }
      this.#rounds += 1;
      const order = (role: RoleProcess) => draw(this.#seed, 'order', this.#rounds, role.name);
      const rest = this.#roles.filter((role) => !this.#bag.includes(role));
      this.#bag = [...this.#bag, ...rest.sort((a, b) => order(a) - order(b))];
    }
    return null;
  }
}

function killed({ pid }: RoleProcess): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
