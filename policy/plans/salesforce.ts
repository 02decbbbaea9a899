/** Salesforce Marketing Cloud's six weeks: a cap a day that doubles every week. */
import { days, fromTable } from './preset.ts';

export const SFMC = fromTable({
  name: 'sfmc-6w',
  summary: 'Salesforce Marketing Cloud: six weeks, 50,000 a day and twice as much each week',
  source:
    'Salesforce Trailhead, Build your IP reputation (trailhead.salesforce.com/content/learn/modules/send-management-in-marketing-cloud/build-your-ip-reputation)',
  notes: [
    'from week 6 on the cap stays at 1,600,000',
    'the vendor says that Hotmail takes at most 20,000 a day of a new sender: give that lane a target of its own',
  ],
  advance: 'gated',
  counts: 'address',
  rows: { default: [50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000].flatMap((level) => days(7, level)) },
});
