import { join } from 'node:path';
import type { RunView } from '@hozen/contracts';
import { expect } from 'vitest';
import { peakMemoryMb, resetPeakMemory } from '../bench/measure.js';
import { record } from './measured.js';
import { SlowBucket } from './slow-bucket.js';
import { SmallDisk } from './small-disk.js';
import { noiseMb, WORKER_MB, type Ending, type Sentence, type Subject } from './subject.js';
import type { Stage, Trial } from './trial.js';

/** What a sentence is tried on. */
export interface Scene {
  subject: Subject;
  stage: Stage;
  /** A config and a storage that nothing was done with. */
  trial: (storage?: object) => Promise<Trial>;
  /** Ends it, since it cannot be tried on this machine. */
  skip: (reason: string) => never;
}

/** A bucket's five parts of 8 MiB come on top, as docs/operations.md says; and what a worker keeps that has done much before. */
const WITH_PARTS_MB = WORKER_MB + 42 + 20;

/** How each sentence is tried. */
export const TRIED: Record<Sentence, (scene: Scene) => Promise<void>> = {
  async restored(scene) {
    const tried = await scene.trial();
    await tried.source.fill('normal');
    await expectRestored(scene.subject, tried, await tried.backedUp());
    await tried.expectClean(1);
  },

  async empty(scene) {
    const tried = await scene.trial();
    await tried.source.fill('empty');
    const run = await ended(tried);
    expectEnding(run, scene.subject.empty);
    if (run.state === 'completed') await expectRestored(scene.subject, tried, run);
    await tried.expectClean(run.state === 'completed' ? 1 : 0);
  },

  async hostile(scene) {
    const tried = await scene.trial();
    await tried.source.fill('hostile');
    await expectRestored(scene.subject, tried, await tried.backedUp());
    await tried.expectClean(1);
  },

  async killed({ subject, stage, trial }) {
    const tried = await trial();
    await tried.source.fill('bulk');
    const worker = await stage.worker();
    const request = await tried.halfWay();
    worker.signal('SIGKILL');
    await worker.exit();
    await stage.worker();
    await tried.configure();
    const run = await stage.stack.runEnded(request, 180_000);
    expect(run.error).toBeUndefined();
    expect(run.attempts.map(({ status }) => status)).toEqual(['failure', 'success']);
    await expectRestored(subject, tried, run);
    await expectToldOnce(tried, request, 'backup.completed');
    await tried.expectClean(1);
  },

  async cancelled({ stage, trial }) {
    const tried = await trial();
    await tried.source.fill('bulk');
    const request = await tried.halfWay();
    await stage.stack.post('backup-worker', `/backups/${request}/cancel`, {});
    expect(await stage.stack.runEnded(request, 60_000)).toMatchObject({ state: 'cancelled' });
    await tried.expectClean(0);
    await expectToldOnce(tried, request, 'backup.failed');
  },

  async broken({ subject, stage, trial }) {
    const tried = await trial();
    // More than is read ahead.
    await tried.source.fill('ample');
    const request = await tried.halfWay();
    let run: RunView;
    {
      await using _ = await tried.source.break();
      run = await stage.stack.runEnded(request, 180_000);
    }
    expectEnding(run, subject.broken);
    await tried.expectClean(run.state === 'completed' ? 1 : 0);
  },

  async full({ trial, skip }) {
    const mounted = await SmallDisk.mount();
    await using disk = typeof mounted === 'string' ? skip(mounted) : mounted;
    const storage = join(disk.path, 'storage');
    const tried = await trial({ kind: 'file', path: storage });
    const { source } = tried;
    await source.fill('ample');
    const older = await tried.backedUp();
    const before = await source.restored(tried);
    // A log has only what is new.
    if (source.companions) await source.fill('ample');
    await disk.leave(0.9 * (older.artefact?.bytes ?? 0));
    const run = await ended(tried);
    expect(run, JSON.stringify(run)).toMatchObject({
      state: 'failed',
      error: { code: 'DISK_FULL', hint: expect.stringMatching(/\S/) as string },
    });
    await tried.expectClean(1, storage);
    expect(await source.restored(tried)).toEqual(before);
  },

  async slow({ subject, stage, trial, skip }) {
    const started = await SlowBucket.start();
    await using bucket = typeof started === 'string' ? skip(started) : started;
    const tried = await trial(bucket.storage);
    await tried.source.fill('ample');
    const { pid } = await stage.worker();
    await resetPeakMemory(pid);
    const begunAt = performance.now();
    const run = await tried.backedUp();
    const seconds = (performance.now() - begunAt) / 1000;
    const peakMb = await peakMemoryMb(pid);
    expect(run.artefact?.proof?.level).toBe(subject.proof ?? 'restore');
    const what = 'MB into a slow bucket';
    record({
      method: subject.name ?? subject.method,
      what,
      count: noiseMb('ample') ?? 0,
      seconds,
      peakMb,
      limitMb: WITH_PARTS_MB,
    });
    expect(peakMb).toBeLessThan(WITH_PARTS_MB);
  },
};

/** It is proven by the worker, and restored by the suite. */
export async function expectRestored({ proof = 'restore' }: Subject, tried: Trial, run: RunView): Promise<void> {
  expect(run.artefact?.proof?.level).toBe(proof);
  const content = await tried.source.content();
  expect(await tried.source.restored(tried)).toEqual(content);
}

async function ended(tried: Trial): Promise<RunView> {
  return tried.stack.runEnded(await tried.request(), 300_000);
}

function expectEnding(run: RunView, ending: Ending): void {
  expect(run.state, JSON.stringify(run.error)).toBe(ending.state);
  if (ending.state === 'failed') expect(ending.codes).toContain(run.error?.code);
  else if (ending.warning) expect(run.warnings.join('\n')).toMatch(ending.warning);
}

async function expectToldOnce(
  tried: Trial,
  request: string,
  type: 'backup.completed' | 'backup.failed',
): Promise<void> {
  await tried.stack.events.waitFor(type, request);
  await tried.stack.quietTime();
  expect(tried.stack.events.terminalOf(request)).toHaveLength(1);
}
