/** Addresses from which a recipient was refused for what the address is: its message does not go back to them. */
import type { Queryable } from './connect.ts';

/** Addresses of blocked attempts at one recipient. */
export async function refusingAddresses(db: Queryable, recipient: number): Promise<string[]> {
  const { rows } = await db.query(
    `select distinct host(address) as address from attempts
     where recipient = $1 and severity = 'blocked' and address is not null`,
    [recipient],
  );
  return rows.map((row) => row.address);
}
