import { createHash, randomBytes } from 'node:crypto';
import { HozenError } from '@hozen/contracts';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { ArtefactWriter } from '../artefact/artefact-writer.js';
import { aJob } from '../job.fixture.js';
import { openArtefact } from '../storage/open-artefact.js';
import type { ArtefactSink } from '../storage/storage.js';
import { limited } from './limited-sink.js';
import { RateLimit } from './rate-limit.js';
import { SteppedClock } from './stepped-clock.fixture.js';

const NEVER = new AbortController().signal;
const MIB = 1_048_576;

/** Remembers how much it had been given at which moment. */
class Receiver implements ArtefactSink {
  readonly arrivals: { at: number; bytes: number }[] = [];
  readonly #hash = createHash('sha256');

  constructor(private readonly clock: SteppedClock) {}

  write(bytes: Buffer): Promise<void> {
    this.arrivals.push({ at: this.clock.now(), bytes: bytes.length });
    this.#hash.update(bytes);
    return Promise.resolve();
  }

  finish() {
    return Promise.resolve({ bytes: this.bytes, sha256: this.#hash.digest('hex') });
  }

  publish = () => Promise.resolve();
  abort = () => Promise.resolve();

  get bytes(): number {
    return this.arrivals.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Most bytes in any time of this length. */
  mostIn(milliseconds: number): number {
    return Math.max(
      ...this.arrivals.map(({ at }) =>
        this.arrivals
          .filter((other) => other.at >= at && other.at < at + milliseconds)
          .reduce((sum, { bytes }) => sum + bytes, 0),
      ),
    );
  }
}

it.each([65_536, 1_000_000, 300_000_000])(
  'a storage gets no more than %i bytes in any second, and all of it in the time that takes',
  async (rate) => {
    const clock = new SteppedClock();
    const receiver = new Receiver(clock);
    const sink = limited(receiver, new RateLimit(rate, NEVER, clock));
    const pieces = Array.from({ length: 9 }, () => randomBytes(Math.min(2 * MIB, rate)));
    const total = pieces.reduce((sum, { length }) => sum + length, 0);
    await clock.run(
      (async () => {
        for (const piece of pieces) await sink.write(piece);
      })(),
    );
    expect(receiver.bytes).toBe(total);
    expect((await sink.finish()).sha256).toBe(createHash('sha256').update(Buffer.concat(pieces)).digest('hex'));
    // A twentieth of a second ahead, and one piece.
    expect(receiver.mostIn(1_000)).toBeLessThanOrEqual(rate * 1.1 + MIB);
    expect(clock.now()).toBeGreaterThanOrEqual((total / rate) * 1_000 - 100);
    expect(clock.now()).toBeLessThanOrEqual((total / rate) * 1_000 + 10);
    if (total > rate) expect(receiver.mostIn(100)).toBeLessThanOrEqual(rate / 5 + MIB / 64);
  },
);

it('what was not used is not saved up', async () => {
  const clock = new SteppedClock();
  const limit = new RateLimit(1_000_000, NEVER, clock);
  clock.pass(3_600_000);
  const before = clock.now();
  await clock.run(Promise.resolve(limit.take(1_000_000)));
  expect(clock.now() - before).toBe(950);
});

it('streams that are read at the same time have the rate together, however fast they could be', async () => {
  const clock = new SteppedClock();
  const receiver = new Receiver(clock);
  const read = new RateLimit(1_000_000, NEVER, clock);
  const options = { compression: 'none', level: 1, streams: 3, modifiedAt: new Date(0), pace: { read } } as const;
  const writer = new ArtefactWriter(receiver, options);
  const source = async (name: string) => {
    const stream = writer.openStream(name);
    for (let i = 0; i < 64; i++) await stream.write(randomBytes(65_536));
    await writer.endStream(stream);
  };
  await clock.run(Promise.all(['a', 'b', 'c'].map(source)));
  const total = 3 * 64 * 65_536;
  expect(writer.originalBytes).toBe(total);
  expect(clock.now()).toBeGreaterThanOrEqual((total / 1_000_000) * 1_000 - 100);
  expect(clock.now()).toBeLessThanOrEqual((total / 1_000_000) * 1_000 + 10);
});

it('waiting ends at once when the run is stopped', async () => {
  const stopping = new AbortController();
  const limit = new RateLimit(65_536, stopping.signal);
  const waiting = limit.take(1_000_000_000);
  stopping.abort(new HozenError('CANCELLED'));
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
});

it('an artefact is held on its way to each of its storages, and both have it whole', async () => {
  await using folder = await tempDir();
  const clock = new SteppedClock();
  const counted: Counted[] = [];
  const write = () => {
    const limit = new Counted(1_000_000, NEVER, clock);
    counted.push(limit);
    return limit;
  };
  const job = aJob(folder.path, { compress: false });
  job.config.secondaryStorage = { kind: 'file', path: folder.join('second') };
  const writer = await openArtefact(job, 3 * MIB, { write });
  await clock.run(
    (async () => {
      const stream = writer.openStream('data');
      for (let i = 0; i < 48; i++) await stream.write(randomBytes(65_536));
      await writer.endStream(stream);
    })(),
  );
  const { bytes } = await clock.run(writer.finish([]));
  expect(counted.map((limit) => limit.bytes)).toEqual([bytes, bytes]);
  expect(clock.now()).toBeGreaterThanOrEqual((bytes / 1_000_000) * 1_000 - 100);
  await writer.sink.abort();
});

class Counted extends RateLimit {
  bytes = 0;

  override take(bytes: number): Promise<void> | undefined {
    this.bytes += bytes;
    return super.take(bytes);
  }
}
