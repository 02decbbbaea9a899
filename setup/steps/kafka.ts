import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../host/cache-dir.ts';
import { withLock } from '../host/lock.ts';
import { debianPackageStep } from './debian-package.ts';
import type { Step } from './step.ts';

const run = promisify(execFile);

const pom = path.join(import.meta.dirname, '..', 'kafka', 'pom.xml');
const PROGRAMS = ['/usr/bin/java', '/usr/bin/mvn'];

/** Folder of the broker's jars; another pom.xml has another one. */
export function kafkaJars(): string {
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  return path.join(cacheDir(), `kafka-${version}`);
}

/** What runs the broker, and what brings it. */
export const javaStep = debianPackageStep(
  {
    name: 'Java and Maven',
    why: 'run and bring the Kafka broker of the event tests (tests only)',
    packages: ['default-jre-headless', 'maven'],
    found: () => (PROGRAMS.every((program) => existsSync(program)) ? PROGRAMS.join(', ') : undefined),
    neededBy: '"make test" does',
  },
  true,
);

/** A Kafka broker takes the events of the tests. It comes as a Java program, by Maven. */
export const kafkaStep: Step = {
  name: 'Kafka',
  why: 'a Kafka broker for the event tests (tests only)',
  run: async () => {
    const jars = kafkaJars();
    if (existsSync(jars)) return `found ${jars}`;
    await withLock(`kafka ${jars}`, async () => {
      if (!existsSync(jars)) await fetchJars(jars);
    });
    return `copied to ${jars}`;
  },
};

async function fetchJars(jars: string): Promise<void> {
  await mkdir(path.dirname(jars), { recursive: true });
  const unfinished = `${jars}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${unfinished}`];
  try {
    await run('mvn', ['-q', '-B', '-f', pom, ...goal], { maxBuffer: 2 ** 26 });
  } catch (error) {
    const said = (error as { stdout?: string }).stdout?.split('\n').find((line) => line.includes('[ERROR]'));
    throw new Error(`Maven could not fetch the Kafka broker: ${said ?? (error as Error).message.split('\n')[0]}`);
  }
  await rename(unfinished, jars);
}
