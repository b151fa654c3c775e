import { readFile } from 'node:fs/promises';
import { FileStorageSpec } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { segmentFile } from '../wal-archive/archive.fixture.js';
import { WalArchive, type ArchiveSpec } from '../wal-archive/wal-archive.js';
import { archivedTail } from './archived-tail.js';

const SYSTEM = 7_000_000_000_000_000_001n;
const nameOf = (number: number) => `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;

let folder: TempDir;
let spec: ArchiveSpec;
let archive: WalArchive;

beforeEach(async () => {
  folder = await tempDir();
  const walArchive = Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join('wal') });
  spec = { walArchive, compressionLevel: 1 };
  archive = await WalArchive.of(spec);
});
afterEach(() => folder[Symbol.asyncDispose]());

async function archived(...numbers: number[]): Promise<void> {
  for (const number of numbers) await archive.push(await segmentFile(folder.path, SYSTEM, number));
}

/** A file of the archive as far as it is received. */
async function live(number: number, bytes: number): Promise<void> {
  const content = await readFile(await segmentFile(folder.path, SYSTEM, number));
  await archive.show(nameOf(number), content.subarray(0, bytes));
}

/** Only what is looked at. */
function logUntil(endLsn: string, systemIdentifier = String(SYSTEM)): CommittedArtefact {
  const wal = { segmentBytes: 1 << 20, ranges: [{ timeline: 1, startLsn: '0/1000000', endLsn }] };
  return { manifest: { wal, target: { systemIdentifier } } } as unknown as CommittedArtefact;
}

const filesAfter = async (log: CommittedArtefact) => (await archivedTail(spec, log))?.files;

it('what is archived leads on from the file in which the log ends, up to what grows', async () => {
  await archived(16, 17, 18);
  await live(19, 5000);
  expect(await filesAfter(logUntil('0/1180000'))).toEqual([17, 18, 19].map(nameOf));
  const tail = await archivedTail(spec, logUntil('0/1180000'));
  expect(await tail?.read(nameOf(19))).toHaveLength(1 << 20);
  await expect(tail?.read(nameOf(20))).rejects.toMatchObject({ code: 'ARTEFACT_MISSING' });
});

it('what grows in the archive takes the place of the log only where there is more of it', async () => {
  await archived(16);
  await live(17, 0x80001);
  expect(await filesAfter(logUntil('0/1180000'))).toEqual([nameOf(17)]);
  expect(await filesAfter(logUntil('0/1180001'))).toBeUndefined();
});

it('a gap ends it, and WAL of another cluster is none', async () => {
  await archived(16, 17, 19);
  expect(await filesAfter(logUntil('0/1180000'))).toEqual([nameOf(17)]);
  expect(await filesAfter(logUntil('0/1280000'))).toBeUndefined();
  expect(await filesAfter(logUntil('0/1180000', '42'))).toBeUndefined();
});
