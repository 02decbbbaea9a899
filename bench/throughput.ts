/**
 * How fast mail goes through, compared: the bare reference, Postfix, Rampart, Rampart with DKIM, on this machine, in one
 * run, each in its turn so that a slow minute of the machine hits all of them. Rates of one machine say little; the
 * ratios are what counts. Leaves bench/out/throughput.json.
 *
 * Options: --messages N (at 2 KB; a third of it at 20 KB), --runs N, --only engine,engine, --bytes 2048,20480
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startBare } from './engines/bare.ts';
import type { Engine } from './engines/engine.ts';
import { startPostfix } from './engines/postfix.ts';
import { startRampart } from './engines/rampart.ts';
import { type CpuParts, measure, median } from './measure.ts';
import { makePlace, OUT } from './place.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '12000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'bare,postfix,rampart,rampart-dkim' },
    bytes: { type: 'string', default: '2048,20480' },
  },
});
const wanted = values.only.split(',');
const place = await makePlace();
const { target } = place;
const starts: Record<string, () => Promise<Engine>> = {
  bare: async () => startBare(await place.database('bare'), target),
  postfix: () => startPostfix(target),
  'rampart-dkim': async () =>
    startRampart(await place.database('dkim'), target, { name: 'rampart-dkim', logs: OUT, dkim: true }),
  rampart: async () => startRampart(await place.database('rampart'), target, { name: 'rampart', logs: OUT }),
};
interface Run {
  readonly rate: number;
  readonly cpu: CpuParts;
}

const engines: Engine[] = [];
const rows: { engine: string; bytes: number; rate: number; cpu: CpuParts; runs: Run[] }[] = [];
async function stop(): Promise<void> {
  for (const engine of engines.splice(0)) await engine.stop();
  await place.stop();
}

// Postfix and PostgreSQL outlive us unless they are told.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(1)));
}

try {
  for (const name of wanted) {
    const start = starts[name];
    if (start !== undefined) engines.push(await start());
  }
  for (const bytes of values.bytes.split(',').map(Number)) {
    const messages = Math.round(Number(values.messages) / (bytes > 10_000 ? 3 : 1));
    const rates = new Map(engines.map((engine) => [engine, [] as Run[]]));
    // Every engine warms up as long as a run: connections open, and a JIT compiles what is called some thousand times.
    for (const engine of engines) await measure(engine, place, { messages, bytes });
    for (let run = 1; run <= Number(values.runs); run++) {
      for (const [engine, all] of rates) {
        const { rate, accepted, cpu } = await measure(engine, place, { messages, bytes });
        all.push({ rate, cpu });
        console.log(
          `${bytes} bytes, run ${run}: ${engine.name.padEnd(14)} ${rate}/s (accepted at ${accepted}/s), µs of CPU a message: ${said(cpu)}`,
        );
      }
    }
    for (const [engine, runs] of rates)
      rows.push({
        engine: engine.name,
        bytes,
        rate: median(runs.map(({ rate }) => rate)),
        cpu: {
          engine: median(runs.map(({ cpu }) => cpu.engine)),
          database: median(runs.map(({ cpu }) => cpu.database)),
          tools: median(runs.map(({ cpu }) => cpu.tools)),
        },
        runs,
      });
  }
  await writeFile(path.join(OUT, 'throughput.json'), `${JSON.stringify(rows, null, 2)}\n`);
  report();
} finally {
  await stop();
}

function said({ engine, database, tools }: CpuParts): string {
  return `${engine} + ${database} (${tools})`;
}

function report(): void {
  const rateOf = (engine: string, bytes: number) =>
    rows.find((row) => row.engine === engine && row.bytes === bytes)?.rate;
  const ratio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? '-' : (a / b).toFixed(2);
  console.log('\nengine          bytes    messages/s   × Postfix   × bare   CPU µs/message of engine, database, tools');
  for (const { engine, bytes, rate, cpu } of rows) {
    const cells = [ratio(rate, rateOf('postfix', bytes)).padStart(10), ratio(rate, rateOf('bare', bytes)).padStart(8)];
    console.log(
      `${engine.padEnd(14)} ${String(bytes).padStart(6)} ${String(rate).padStart(12)} ${cells.join(' ')}   ${said(cpu)}`,
    );
  }
  for (const engine of engines) {
    const peak = engine.peakMegabytes();
    if (peak !== null) console.log(`${engine.name}: largest process ${peak} MB`);
  }
}
