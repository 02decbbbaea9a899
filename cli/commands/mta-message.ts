import { messageStories } from '../../store/queue-views.ts';
import { queuedMail } from '../../store/queued-mail.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { armsOf } from '../mail/arms.ts';
import { storyLines } from '../mail/story.ts';
import { styleOf } from '../terminal/style.ts';
import { configuredLimits } from '../why/configured.ts';
import { whyQueued } from '../why/gather.ts';

/** The whole story of one message. Reads PostgreSQL only. */
export const mtaMessage: Command = {
  usage: '<id>',
  options: [CONFIG_OPTION],
  example: "./rampart mta message '<4711@shop.example>'",
  positionals: [1, 1],
  run(invocation) {
    const name = invocation.positionals[0] ?? '';
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const { tenantShare } = await configuredLimits(invocation);
      const stories = await messageStories(store, name);
      if (stories.length === 0)
        throw badInput(
          `no message is called "${name}": give the number of its 250 answer ("queued as …") or its Message-ID`,
        );
      const style = styleOf(invocation.stdout, invocation.env);
      const told = await Promise.all(
        stories.map(async (story) => ({
          story,
          arms: await armsOf(store, story.id, now),
          waiting: await whyQueued(store, await queuedMail(store, story.id), now, tenantShare),
        })),
      );
      return {
        json: { messages: told.map(({ story, arms }) => (arms.length === 0 ? story : { ...story, arms })) },
        lines: told.flatMap(({ story, arms, waiting }) => storyLines(story, now, style, arms, waiting)),
      };
    });
  },
};
