/** A real Kafka broker on loopback for tests: one node that is its own controller (KRaft), in a folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';
import { freePort } from '../../setup/host/free-port.ts';
import { kafkaJars } from '../../setup/steps/kafka.ts';
import { selfSigned } from './certificate.ts';

const run = promisify(execFile);

export interface KafkaBroker {
  readonly address: string;
  /** The same broker for who logs in (SASL PLAIN), as rampart with the password secret. */
  readonly login: string;
  /** The same over TLS, for who logs in by SCRAM (RFC 5802) of either kind; its certificate is for `localhost`. */
  readonly secure: string;
  /** PEM of who vouches for that certificate. */
  readonly ca: string;
  kill(): void;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 90_000;

export async function startKafka(): Promise<KafkaBroker> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rampart-kafka-'));
  const [port, saslPort, tlsPort, controller] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const secure = `localhost:${tlsPort}`;
  const { cert, key } = selfSigned(folder);
  const keyStore = path.join(folder, 'key-store.pem');
  await writeFile(keyStore, key + cert, { mode: 0o600 });
  const login = `127.0.0.1:${saslPort}`;
  const address = `127.0.0.1:${port}`;
  const properties = path.join(folder, 'server.properties');
  await writeFile(
    properties,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://${address},LOGIN://${login},SECURE://${secure},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://${address},LOGIN://${login},SECURE://${secure}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,SECURE:SASL_SSL
listener.name.login.sasl.enabled.mechanisms=PLAIN
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_rampart="secret";
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location=${keyStore}
log.dirs=${folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`,
  );
  const java = (main: string, ...args: string[]) => [
    ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${kafkaJars()}/*`, main, ...args],
  ];
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((kind) => [
    '--add-scram',
    `${kind}=[name=rampart,password=secret]`,
  ]);
  const format = ['format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', properties, ...users];
  await run('java', java('kafka.tools.StorageTool', ...format));
  const log = path.join(folder, 'log');
  let child: ChildProcess | undefined;
  const running = () => child !== undefined && child.exitCode === null && child.signalCode === null;

  async function start(): Promise<void> {
    const output = createWriteStream(log, { flags: 'a' });
    child = spawn('java', java('kafka.Kafka', properties), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.pipe(output);
    child.stderr?.pipe(output);
    const end = performance.now() + START_MS;
    for (;;) {
      const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address], retries: 0, connectTimeout: 1_000 });
      const up = await admin.listTopics().then(
        () => true,
        () => false,
      );
      await admin.close().catch(() => {});
      if (up) return;
      if (!running() || performance.now() > end) {
        throw new Error(`Kafka does not start: ${(await readFile(log, 'utf8').catch(() => '')).slice(-1_000)}`);
      }
      await sleep(100);
    }
  }

  await start();
  return {
    address,
    login,
    secure,
    ca: cert,
    kill: () => void child?.kill('SIGKILL'),
    start: async () => {
      if (child !== undefined && running()) await once(child, 'exit');
      await start();
    },
    stop: async () => {
      if (child !== undefined && running()) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
