import { mkdirSync } from 'node:fs';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { aJob } from '../job.fixture.js';
import { checkRoom } from './check-room.js';

it.each([
  ['what a proof restores', 'restore', { bytes: 0, scratchBytes: 1e18 }],
  ['what is put together in the spool', 'checksum', { bytes: 0, spoolBytes: 1e18 }],
] as const)('%s must fit', async (_, proof, needs) => {
  await using folder = await tempDir();
  const job = aJob(folder.path, { proof });
  mkdirSync(job.spoolDir, { recursive: true });
  await expect(checkRoom(job, Promise.resolve(needs))).rejects.toMatchObject({ code: 'DISK_TOO_SMALL' });
  await checkRoom(job, Promise.resolve({ bytes: 0, scratchBytes: 0 }));
});
