import { existsSync } from 'node:fs';
import { debianPackageStep } from './debian-package.ts';

/** Debian's wrapper in /usr/sbin changes to a user of its own; this is the server itself. */
export const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** RabbitMQ takes the events of the tests over AMQP. */
export const rabbitmqStep = debianPackageStep(
  {
    name: 'RabbitMQ',
    why: 'an AMQP broker for the event tests (tests only)',
    packages: ['rabbitmq-server', 'openssl'],
    found: () => (existsSync(RABBITMQ_SERVER) ? RABBITMQ_SERVER : undefined),
    service: 'rabbitmq-server',
    neededBy: '"make test" does',
  },
  true,
);
