import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { BackupSeries } from '../../backup-series.fixture.js';
import { quietContext } from '../../backup.fixture.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveFiles } from '../../verification/prove-files.js';
import { fullPath } from '../files/byte-text.js';
import { readListing } from '../files/listing.js';
import { restoredByHand } from '../files/tree.fixture.js';
import { bucketJob } from './bucket.fixture.js';
import { HostileBucket } from './hostile-bucket.fixture.js';

const KEYS = [
  'z/last',
  '../../../../tmp/hozen-escaped',
  '/etc/hozen-escaped',
  'a',
  'a/b',
  'a/',
  'a//',
  'a//b/../c',
  'a-b',
  '.',
  '..',
  './x',
  'line\nfeed',
  '\x01\x7f\t"\\',
  '%2E%2E/%',
  '-rf',
  '--checkpoint-action=exec=sh',
  '*?[x]{y}',
  ' ',
  '契約/書 1',
  `${'長'.repeat(300)}/${'x'.repeat(100)}`,
  `${'d/'.repeat(500)}deep`,
  '\u{1f4be}',
];

it('objects of any key come back as files below the folder, from a full backup and an increment', async () => {
  await using folder = await tempDir();
  const contentOf = (key: string) => Buffer.from(`content of ${key}`);
  await using bucket = await HostileBucket.start(new Map(KEYS.map((key) => [key, contentOf(key)])));
  const series = new BackupSeries((into, change) => bucketJob(into, bucket.access, change), folder.path);
  const full = await series.make('full');
  expect(full.artefact.manifest.warnings).toEqual([]);
  // Its name was that of a folder, too: the folder has another one from now on.
  bucket.objects.delete('a');
  bucket.objects.set('z', contentOf('z'));
  const increment = await series.make('incremental');
  for (const { job, artefact } of [full, increment]) {
    await checkArtefact(job, artefact, quietContext());
    expect(await proveFiles(job, artefact, quietContext())).toMatchObject({ level: 'restore' });
  }
  const restored = await restoredByHand([full, increment], folder.path);
  await using file = await ArtefactFile.open(increment.artefact);
  const keys: string[] = [];
  for await (const { path, object } of readListing(file, increment.artefact.manifest.files?.listing.sha256 ?? '')) {
    if (!object) continue;
    keys.push(object.key);
    expect(await readFile(fullPath(restored, path))).toEqual(contentOf(object.key));
  }
  expect(keys.toSorted()).toEqual([...bucket.objects.keys()].toSorted());
  expect((await readdir('/tmp')).concat(await readdir('/etc'))).not.toContain('hozen-escaped');
  expect(await readdir(join(restored, '%/etc'))).toEqual(['hozen-escaped']);
});
