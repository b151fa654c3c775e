import { existsSync } from 'node:fs';
import { tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { WaitsForSpace } from '../admission/keep-space.js';
import { jobFor, quietContext } from '../backup.fixture.js';
import { methodOf } from '../methods/methods.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { runBackup } from './run-backup.js';

it.each(['at once', 'after all has been read'])(
  'an artefact is not published where others have the room, whether that is known %s',
  async (when) => {
    await using folder = await tempDir();
    await using source = await TestPostgres.start();
    const job = jobFor(source.address(), folder.path);
    const refused = new WaitsForSpace({ path: folder.path, neededBytes: 2, freeBytes: 2, keptBytes: 1 });
    const read = Promise.withResolvers<void>();
    const keepSpace = async () => {
      if (when !== 'at once') await read.promise;
      throw refused;
    };
    const context = quietContext({ keepSpace });
    await using target = await methodOf(job.config.method).check(job, context);
    const watched: typeof target = {
      bytes: target.bytes,
      dump: async (...all) => {
        const summary = await target.dump(...all);
        read.resolve();
        return summary;
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    await expect(runBackup(job, Promise.resolve(watched), context)).rejects.toBe(refused);
    expect(existsSync(artefactPaths(job).data)).toBe(false);
  },
);
