import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { workflowBundle } from '../../temporal/bundle.ts';

const histories = path.join(import.meta.dirname, '../histories');

interface Recorded {
  readonly events: readonly { readonly eventType: string; readonly [attributes: string]: unknown }[];
}

const read = (name: string): Recorded => JSON.parse(readFileSync(path.join(histories, name), 'utf8'));
const ofToday = readdirSync(histories).filter((name) => name.endsWith('.json'));

/** What went wrong for each history, by its name; undefined: it replays. */
async function replay(bundle: WorkflowBundleOption, names: readonly string[]): Promise<Map<string, Error | undefined>> {
  const results = new Map<string, Error | undefined>();
  const inputs = names.map((name) => ({ workflowId: name, history: read(name) }));
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, inputs)) {
    results.set(workflowId, error);
  }
  return results;
}

before(() => Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) }));

test('every recorded history replays on the code of today', async () => {
  const results = await replay({ codePath: await workflowBundle() }, ofToday);
  assert.deepEqual([...results.keys()].sort(), [...ofToday].sort());
  for (const [name, error] of results) assert.equal(error, undefined, `${name}: ${error?.message}`);
});

test('the recorded histories hold what workflows do, and stay small', () => {
  const events = ofToday.flatMap((name) => read(name).events);
  const types = new Set(events.map((event) => event.eventType));
  for (const type of [
    'WORKFLOW_EXECUTION_UPDATE_COMPLETED',
    'WORKFLOW_EXECUTION_SIGNALED',
    'WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
    'WORKFLOW_EXECUTION_COMPLETED',
    'TIMER_FIRED',
    'TIMER_CANCELED',
    'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
  ]) {
    assert.ok(types.has(`EVENT_TYPE_${type}`), `no history has ${type}`);
  }
  const text = JSON.stringify(events);
  const ramps = ['evaluate', 'startRamp', 'setPlan', 'pauseLanes', 'resumeLanes', 'applyVerb', 'watch'];
  const cutovers = ['evaluateCutover', 'orderCutover', 'probeCutover', 'askGate', 'migrate'];
  for (const name of [...ramps, ...cutovers]) {
    assert.ok(text.includes(`"name":"${name}"`), `no history runs ${name}`);
  }
  for (const name of ofToday) {
    const { length } = readFileSync(path.join(histories, name));
    assert.ok(length < 300_000, `${name} has ${length} bytes`);
  }
});

test('a change of order is survived with a patch and found without one', async () => {
  const replayed = async (fixture: string) => {
    const bundle = await bundleWorkflowCode({
      workflowsPath: path.join(import.meta.dirname, 'fixtures', `${fixture}.ts`),
      logger: new DefaultLogger('ERROR'),
    });
    return (await replay(bundle, ['fixtures/before.json'])).get('fixtures/before.json');
  };
  assert.equal(await replayed('before'), undefined);
  assert.equal(await replayed('patched'), undefined);
  assert.equal((await replayed('unpatched'))?.name, 'DeterminismViolationError');
});
