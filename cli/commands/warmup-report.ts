import { rampsOf } from '../../store/lanes.ts';
import { fullerReport, rampReport, storedReport } from '../../store/ramp-report.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { reportLines } from '../status/ramp-report-text.ts';
import { styleOf } from '../terminal/style.ts';

/** What a ramp did, from its rows: the one that runs, else the last one, else the one that is named. */
export const warmupReport: Command = {
  usage: '<ip>',
  options: [{ name: 'ramp', type: 'string', value: 'ID', says: 'an earlier one, as --json names them' }, CONFIG_OPTION],
  example: './rampart warmup report 198.51.100.9',
  positionals: [1, 1],
  run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const id = text(invocation, 'ramp');
    return withStore(invocation, async (store) => {
      await knownAddress(store, ip);
      const ramps = await rampsOf(store, ip);
      const ramp = id === undefined ? ramps[0] : ramps.find((one) => one.id === id);
      if (ramp === undefined) {
        const there = ramps.map((one) => one.id).join(', ');
        throw badInput(
          ramps.length === 0
            ? `${ip} had no warmup yet: ./rampart warmup start ${ip}`
            : `${ip} had no warmup called "${id}": there are ${there}`,
        );
      }
      const report = fullerReport(await rampReport(store, ramp, Date.now()), await storedReport(store, ramp.id));
      const zone = ramp.calendar.kind === 'civil' ? ramp.calendar.zone : 'UTC';
      return {
        json: { ...report, ramps: ramps.map((one) => one.id) },
        lines: reportLines(report, zone, styleOf(invocation.stdout, invocation.env)),
      };
    });
  },
};
