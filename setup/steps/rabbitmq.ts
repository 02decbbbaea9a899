import { existsSync } from 'node:fs';
import { installDebian } from './debian.ts';
import type { Step } from './step.ts';

/** Debian's wrapper in /usr/sbin changes to a user of its own; this is the server itself. */
export const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** RabbitMQ takes the events of the tests over AMQP. */
export const rabbitmqStep: Step = {
  name: 'RabbitMQ',
  why: 'an AMQP broker for the event tests (tests only)',
  run: async (log) => {
    const present = () => existsSync(RABBITMQ_SERVER);
    if (present()) return `found ${RABBITMQ_SERVER}`;
    await installDebian({ names: ['rabbitmq-server'], services: ['rabbitmq-server', 'epmd'], present }, log);
    return `installed ${RABBITMQ_SERVER}`;
  },
};
