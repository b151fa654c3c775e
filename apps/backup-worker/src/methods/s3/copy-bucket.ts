import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { HozenError, objectsLocation } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { inOrder } from '../../pipeline/read-in-order.js';
import type { DumpSummary } from '../dump-summary.js';
import { DELETED } from '../files/copy-tree.js';
import { chooseFilesParent } from '../files/parent.js';
import { FILES_RESTORE_SCRIPT } from '../files/restore-script.js';
import type { BucketTarget } from './check-target.js';
import { planObjects, type PlannedObject } from './plan-objects.js';
import { ObjectReader, SMALL_BYTES, type Missed, type ReadObject } from './read-object.js';
import { BUCKET_README } from './readme.js';
import { Noted, StoredObjects } from './stored-objects.js';
import { bucketSummary } from './summary.js';

/** Requests at one time, and what their answers hold. */
const AHEAD = { items: 32, bytes: 16 * 1024 * 1024 };

/** Classes from which nothing is read before somebody has asked for it, hours before. */
const ARCHIVED = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/**
 * Copies the objects of a bucket, or what is new or changed since an earlier backup of the config, as a tree of files. The
 * artefact is not finished here; commitArtefact does.
 * @throws HozenError LEASE_LOST, of the STORAGE_ codes, and what the writer throws
 */
export async function copyBucket(
  job: BackupJob,
  target: BucketTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy bucket', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const started = performance.now();
    const { spec, client, found, folder } = target;
    const chosen = await chooseFilesParent(job, objectsLocation(spec), context);
    for (const warning of chosen.warnings) context.log.warn({ target: job.target.name }, warning);
    await writer.addFile('README.txt', BUCKET_README);
    await writer.addFile('restore.sh', FILES_RESTORE_SCRIPT, 0o700);
    await writer.addFile('chain.txt', `run ${job.runId}\nparent ${chosen.parent?.manifest.runId ?? '-'}\n`);
    const reader = new ObjectReader(client, spec, context.signal);
    const deletions = join(folder, 'deleted');
    let bytes = 0;
    const onBytes = (more: number) =>
      context.progress({ phase: 'dumping', bytes: (bytes += more), expectedBytes: found.bytes });
    const stored = new StoredObjects(writer, reader, deletions, job.startedAt, onBytes);
    const missed = { vanished: new Noted(), unreadable: new Noted() };
    try {
      const plan = planObjects(found.paths(), chosen.parent?.listing() ?? []);
      for await (const each of inOrder(plan, (planned) => readOf(planned, reader), heldBytes, AHEAD)) {
        context.signal.throwIfAborted();
        await store(each, stored, missed);
      }
      refuseNothing(objectsLocation(spec), stored, missed.unreadable);
      const sha256 = await stored.end();
      if (chosen.parent) await addDeleted(writer, deletions);
      span.setAttribute('hozen.stored', stored.counts.storedBytes);
      const seconds = (performance.now() - started) / 1000;
      return bucketSummary({ target, chosen, reader, stored, missed, sha256, writer, seconds });
    } finally {
      stored.abandon();
    }
  });
}

interface Read {
  planned: PlannedObject;
  /** Of what is stored. */
  object: ReadObject | Missed | undefined;
}

async function readOf(planned: PlannedObject, reader: ObjectReader): Promise<Read> {
  const { found, isKept } = planned;
  if (!found?.object || isKept) return { planned, object: undefined };
  if (ARCHIVED.has(found.object.storageClass)) return { planned, object: 'unreadable' };
  return { planned, object: await reader.read(found.object) };
}

function heldBytes({ found, isKept }: PlannedObject): number {
  return isKept ? 0 : Math.min(found?.object?.size ?? 0, SMALL_BYTES);
}

async function store({ planned, object }: Read, stored: StoredObjects, missed: Record<Missed, Noted>): Promise<void> {
  const { path, found, before, isKept } = planned;
  if (isKept && before) return stored.kept(before);
  const isMissed = typeof object === 'string';
  if (isMissed) missed[object].add(path);
  const type = !found || isMissed ? undefined : found.object ? 'file' : 'folder';
  if (before && before.type !== type) await stored.gone(path);
  if (type === 'folder') await stored.folder(path);
  else if (type === 'file' && object && !isMissed) await stored.object(path, object);
}

/** Single objects may be refused. Where all are, it is no backup. */
function refuseNothing(path: string, { counts }: StoredObjects, unreadable: Noted): void {
  if (unreadable.count === 0 || counts.files > 0) return;
  throw new HozenError('STORAGE_REFUSED', { path, reason: 'no object of the bucket can be read' });
}

async function addDeleted(writer: ArtefactWriter, deletions: string): Promise<void> {
  const stream = writer.openStream(DELETED);
  for await (const chunk of createReadStream(deletions) as AsyncIterable<Buffer>) await stream.write(chunk);
  await writer.endStream(stream);
}
