import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError, objectsLocation, type S3TargetSpec, obstaclesText } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { fullPath } from '../methods/files/byte-text.js';
import { readListing } from '../methods/files/listing.js';
import { listObjects } from '../methods/s3/list-objects.js';
import { ObjectWriter } from '../methods/s3/put-object.js';
import { Lanes } from '../pipeline/lanes.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { publishedArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { clientOf } from '../storage/s3/client.js';
import { checkFile } from '../verification/check-file.js';
import { restoreAndCompareTree } from '../verification/restore-and-compare-tree.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { markOpening } from './opening.js';
import { planBucket } from './plan-bucket.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

/** Objects that are put at one time. */
const LANES = 16;

/**
 * Brings objects back into a bucket, below the prefix of the target, where nothing is yet. Nothing is ever put over what
 * is there: so two owners of one restore do no harm to one another.
 */
export class BucketDestination implements Destination {
  constructor(
    private readonly row: RestoreRow,
    private readonly spec: S3TargetSpec,
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    const { row, spec, context } = this;
    const source = await sourceOf(row, context.database);
    const artefact = await publishedArtefact(source.path, source);
    const ground = { source, artefact, spec, spoolRoot: context.spoolRoot, allow: row.allow };
    const { view, chain } = await planBucket(ground, row.opening);
    if (view.obstacles.length > 0) {
      const what = obstaclesText('en', view.obstacles);
      throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
    }
    if (source.signing) for (const each of chain) await checkFile(each, about);
    const directory = join(about.spoolDir, 'objects');
    await mkdir(directory, { mode: 0o700 });
    try {
      // What is put is what was compared.
      await restoreAndCompareTree(chain, join(directory, 'tree'), about);
      await markOpening(row, context);
      await putAll(artefact, join(directory, 'tree'), spec, about);
      await failpoint('restore.objects-put');
      await compareListing(artefact, join(directory, 'listing'), spec, about);
    } finally {
      await removeTree(directory);
    }
    await finishRestored(context.outbox, row, [], []);
  }

  /** What was put is right, and stays: nobody can tell it from what somebody else has put there meanwhile. */
  undo(): Promise<void> {
    return Promise.resolve();
  }
}

async function putAll(
  artefact: CommittedArtefact,
  tree: string,
  spec: S3TargetSpec,
  { signal, progress, ensureLease }: AboutRestore,
): Promise<void> {
  const { files } = artefact.manifest;
  await inSpan('put objects', { attributes: { 'file.path': objectsLocation(spec) } }, async () => {
    const writer = new ObjectWriter(clientOf(spec), spec, signal);
    const lanes = new Lanes(LANES);
    let bytes = 0;
    await using file = await ArtefactFile.open(artefact);
    for await (const { path, object, size = 0, sha256 = '' } of readListing(file, files?.listing.sha256 ?? '')) {
      if (!object) continue;
      signal.throwIfAborted();
      await lanes.run(async () => {
        ensureLease();
        await writer.put(object, { file: fullPath(tree, path), size, sha256 });
        progress({ phase: 'restoring', bytes: (bytes += size), expectedBytes: files?.bytes ?? 0, item: object.key });
      });
    }
    await lanes.end();
  });
}

/** @throws HozenError CONTENT_DIFFERS where the bucket does not list what was put */
async function compareListing(
  artefact: CommittedArtefact,
  folder: string,
  { bucket, prefix, ...access }: S3TargetSpec,
  { signal, progress }: AboutRestore,
): Promise<void> {
  await mkdir(folder);
  const spec = { ...access, bucket, ...(prefix === undefined ? {} : { prefix }), exclude: [] };
  progress({ phase: 'comparing', item: objectsLocation(spec) });
  const client = clientOf(spec);
  const found = await listObjects({ client, spec, folder, signal, onObjects: () => undefined });
  const { files = 0, bytes = 0 } = artefact.manifest.files ?? {};
  if (found.objects >= files && found.bytes >= bytes) return;
  const what = `the bucket lists ${found.objects} objects of ${found.bytes} bytes instead of ${files} of ${bytes}`;
  throw new HozenError('CONTENT_DIFFERS', { what });
}
