import { dovecotStep } from './steps/dovecot.ts';
import { eximStep } from './steps/exim.ts';
import { javaStep, kafkaStep } from './steps/kafka.ts';
import { postfixStep } from './steps/postfix.ts';
import { postgresStep } from './steps/postgres.ts';
import { rabbitmqStep } from './steps/rabbitmq.ts';
import type { Step } from './steps/step.ts';
import { swaksStep } from './steps/swaks.ts';
import { temporalStep } from './steps/temporal.ts';
import { workflowsStep } from './steps/workflows.ts';

/**
 * What set-up does once Node 24 is there; setup.sh runs it. Each step says why it exists and how long it took, and
 * does nothing when its work is done.
 */
const labRequired = process.argv.includes('--lab');
const brokers = process.argv.includes('--brokers') ? [rabbitmqStep, javaStep, kafkaStep] : [];
const steps: Step[] = [
  postgresStep,
  temporalStep,
  workflowsStep,
  dovecotStep(labRequired),
  swaksStep(labRequired),
  postfixStep(labRequired),
  eximStep(labRequired),
  ...brokers,
];

for (const step of steps) {
  console.log(`${step.name}: ${step.why}`);
  const started = performance.now();
  try {
    const result = await step.run((line) => console.log(`  … ${line}`));
    console.log(`  ${result} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`setup failed: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}
