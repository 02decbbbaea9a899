/** How much of a cold lane one tenant may have while others wait: one customer's campaign is not a whole warmup. Pure. */

/** Would one more unit put a tenant with `used` of a lane's `total` units above its share (0 to 1)? */
export function isSated({ used, total }: { readonly used: number; readonly total: number }, share: number): boolean {
  return total > 0 && used + 1 > share * (total + 1);
}
