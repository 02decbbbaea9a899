/** How much of a window a lane was held. Pure. */

export interface Stretch {
  readonly provider: string;
  readonly from: number;
  readonly to: number;
}

/** Share of the window, 0 to 1, in which a hold on the lane was in force. */
export function heldShare(
  window: { readonly provider: string; readonly start: number; readonly end: number },
  stretches: readonly Stretch[],
): number {
  const inside = stretches
    .filter((one) => one.provider === window.provider && one.to > window.start && one.from < window.end)
    .map((one) => [Math.max(one.from, window.start), Math.min(one.to, window.end)] as const)
    .sort((a, b) => a[0] - b[0]);
  let held = 0;
  let reached = window.start;
  for (const [from, to] of inside) {
    if (to <= reached) continue;
    held += to - Math.max(from, reached);
    reached = to;
  }
  return held / (window.end - window.start);
}
