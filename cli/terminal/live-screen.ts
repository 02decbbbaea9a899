/** A screen that is drawn again in place; where there is no terminal, plain lines now and then. */
import { fit } from './style.ts';

/** What a live screen writes to: process.stdout, process.stderr, or a test's. */
export interface ScreenStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface LiveScreen {
  /** Shows these lines instead of the last ones. */
  draw(lines: readonly string[]): void;
  /** Leaves the last lines where they are; what is written next comes below. */
  done(): void;
}

/** Without a terminal a screen is printed at most this often, ms: a log wants progress, not frames. */
const PLAIN_EVERY_MS = 10_000;

export function liveScreen(stream: ScreenStream, now: () => number = () => performance.now()): LiveScreen {
  return stream.isTTY === true ? redrawn(stream) : printed(stream, now);
}

function redrawn(stream: ScreenStream): LiveScreen {
  let drawn = 0;
  return {
    draw(lines) {
      // The cursor can not go above the first row: a taller screen would leave its top behind at each draw.
      const shown = lines.slice(0, Math.max(1, (stream.rows || 24) - 1)).map((line) => fit(line, stream.columns || 80));
      const up = drawn === 0 ? '' : `\x1b[${drawn}A`;
      stream.write(`${up}${shown.map((line) => `\r\x1b[2K${line}\n`).join('')}\x1b[0J`);
      drawn = shown.length;
    },
    done() {
      drawn = 0;
    },
  };
}

function printed(stream: ScreenStream, now: () => number): LiveScreen {
  let last: string | undefined;
  let shown: string | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  const show = () => {
    if (last === undefined || last === shown) return;
    stream.write(`${last}\n`);
    shown = last;
    shownAt = now();
  };
  return {
    draw(lines) {
      last = lines.join('\n');
      if (now() - shownAt >= PLAIN_EVERY_MS) show();
    },
    done: show,
  };
}
