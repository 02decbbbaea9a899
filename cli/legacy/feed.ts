/** The feed a command is about: one of the configuration, or one that the command line describes. */
import { FORMATS, type Format } from '../../import/outcomes/formats.ts';
import { isZone } from '../../import/times.ts';
import { mxResolver } from '../../legacy/outside.ts';
import type { ResolveMx } from '../../legacy/providers.ts';
import type { FeedSettings } from '../../legacy/settings.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { knownTraceKey } from '../config/trace-key.ts';

export const FEED_OPTIONS: readonly CommandOption[] = [
  { name: 'feed', type: 'string', value: 'NAME', says: 'the feed of the configuration it belongs to' },
  {
    name: 'format',
    type: 'string',
    value: 'FORMAT',
    says: 'powermta, kumomta, postfix, exim: for a feed that is in no configuration',
  },
  { name: 'time-zone', type: 'string', value: 'ZONE', says: 'with --format: of times that name none (default: UTC)' },
];

export interface ChosenFeed {
  readonly feed: FeedSettings;
  readonly resolveMx: ResolveMx;
  /** Of our trace tokens; null: there is none yet. */
  readonly traceKey: string | null;
  /** Days events are kept. */
  readonly keepDays: number;
}

const BARE: readonly Format[] = ['powermta', 'kumomta', 'postfix', 'exim', 'ses', 'sendgrid', 'mailgun'];

/** Throws CliError `bad-input` when it is not said, or not known. */
export async function chosenFeed(invocation: Invocation): Promise<ChosenFeed> {
  const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
  const { feeds } = config.legacy;
  const name = text(invocation, 'feed');
  const format = text(invocation, 'format');
  const zone = text(invocation, 'time-zone');
  const rest = {
    resolveMx: mxResolver(config.mta.resolvers),
    traceKey: await knownTraceKey(config),
    keepDays: config.mta.keepDays ?? 45,
  };
  const known =
    name === undefined && format === undefined && feeds.length === 1
      ? feeds[0]
      : feeds.find((feed) => feed.name === name);
  if (known !== undefined) {
    if (format !== undefined && format !== known.format)
      throw badInput(`feed "${known.name}" is of format ${known.format}: leave --format out`);
    return { feed: known, ...rest };
  }
  if (format === undefined)
    throw badInput(
      name === undefined
        ? `say which feed: --feed ${feeds.map((feed) => feed.name).join(' or ') || 'NAME'}, or --format FORMAT`
        : `there is no feed "${name}" in the configuration${feeds.length > 0 ? ` (it has ${feeds.map((feed) => feed.name).join(', ')})` : ''}: add it under legacy.feeds, or say its --format`,
    );
  if (!(FORMATS as readonly string[]).includes(format))
    throw badInput(`--format is one of ${BARE.join(', ')}, not "${format}"`);
  if (!(BARE as readonly string[]).includes(format))
    throw badInput(`format ${format} needs a mapping: describe the feed in the configuration under legacy.feeds`);
  if (zone !== undefined && !isZone(zone))
    throw badInput(`--time-zone is "${zone}": give a name such as Europe/Berlin`);
  return {
    feed: { name: name ?? format, format: format as Format, files: [], ...(zone && { timeZone: zone }) },
    ...rest,
  };
}
