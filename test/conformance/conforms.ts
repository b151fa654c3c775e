import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { peakMemoryMb } from '../bench/measure.js';
import { record, SCALE } from './measured.js';
import { expectRestored, TRIED, type Scene } from './sentences.js';
import { SENTENCES, WORKER_MB, type LargeCase, type Sentence, type Source, type Subject } from './subject.js';
import { Stage, Trial } from './trial.js';

/** How much of the suite is run. Default: all. */
export interface Extent {
  sentences?: readonly Sentence[];
  /** Large cases. */
  large?: readonly string[];
  /** Of the large cases. Default: HOZEN_CONFORMANCE_SCALE, or 1. */
  scale?: number;
}

/** Every sentence of the suite, over one method. */
export function conforms(subject: Subject, extent: Extent = {}): void {
  const { sentences, large, scale = SCALE } = extent;
  const { name: title = subject.method } = subject;
  describe(title, { timeout: 900_000 }, () => {
    let source: Source | undefined;
    let stage: Stage | undefined;
    let missing: string | undefined;
    let trials = 0;

    beforeAll(async () => {
      missing = await subject.missing?.();
      if (missing !== undefined) return;
      source = await subject.open();
      stage = await Stage.of(source);
    }, 120_000);
    afterAll(async () => {
      await stage?.[Symbol.asyncDispose]();
      await source?.[Symbol.asyncDispose]();
    });

    const scene = (context: TestContext): Scene => {
      const skip = (reason: string) => context.skip(reason);
      if (missing !== undefined) skip(missing);
      const here = stage;
      if (!here) throw new Error('the servers did not start');
      const trial = (storage?: object) => Trial.of(here, `${title}-${++trials}`, storage);
      return { subject, stage: here, trial, skip };
    };

    for (const [name, sentence] of Object.entries(SENTENCES) as [Sentence, string][]) {
      if (sentences && !sentences.includes(name)) continue;
      const reason = subject.skips?.[name];
      const told = reason === undefined ? sentence : `${sentence} (${reason})`;
      it.skipIf(reason !== undefined)(told, (context) => TRIED[name](scene(context)));
    }
    for (const each of subject.large) {
      if (large && !large.includes(each.what)) continue;
      const count = Math.max(1, Math.round(each.count * scale));
      const told = `${count} ${each.what}: proven and restored, in bounded memory`;
      it(told, { timeout: 3_600_000 }, (context) => expectBounded(scene(context), each, count));
    }
  });
}

async function expectBounded(
  { subject, stage, trial }: Scene,
  { what, limit }: LargeCase,
  count: number,
): Promise<void> {
  const tried = await trial();
  await tried.source.grow(what, count);
  const { pid } = await stage.freshWorker();
  const begunAt = performance.now();
  const run = await tried.backedUp(3_000_000);
  const seconds = (performance.now() - begunAt) / 1000;
  const peakMb = await peakMemoryMb(pid);
  const limitMb = limit?.(count) ?? WORKER_MB;
  record({ method: subject.name ?? subject.method, what, count, seconds, peakMb, limitMb });
  await expectRestored(subject, tried, run);
  expect(peakMb).toBeLessThan(limitMb);
  await tried.expectClean(1);
}
