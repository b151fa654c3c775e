import { basename } from 'node:path';
import { type ArtefactOwner, partialOwner, removalOrder } from '../artefact-paths.js';
import { isManifestOf } from '../conflict.js';
import type { Bucket } from './bucket.js';
import { readMarker } from './marker.js';
import { abortUpload } from './upload.js';

interface Marker {
  path: string;
  runId: string;
  epoch: number;
  /** Path of the data that it is about. */
  data: string;
}

/**
 * Removes what attempts of this run up to `epoch` left behind: uploads that are not completed, and data and
 * what stands beside it without a manifest. The upload of the manifest goes first: an owner that was paused just before it
 * publishes then has nothing to complete. Markers go last, so that a crash in between leaves the proof of ownership.
 */
export async function removeLeftovers(
  bucket: Bucket,
  directory: string,
  owner: ArtefactOwner,
  epoch: number,
): Promise<void> {
  const markers = await markersIn(bucket, directory);
  const ours = markers.filter((marker) => marker.runId === owner.runId && marker.epoch <= epoch);
  for (const data of new Set(ours.map((marker) => marker.data))) {
    const here = markers.filter((marker) => marker.data === data);
    await abortUploads(
      bucket,
      data,
      here.filter((m) => ours.includes(m)),
      here.filter((m) => !ours.includes(m)),
    );
    await removeUnpublished(bucket, data, owner.runId, epoch);
  }
  for (const { path } of ours) await bucket.remove(path);
}

async function markersIn(bucket: Bucket, directory: string): Promise<Marker[]> {
  const paths = await bucket.list(`${directory}/.`);
  return paths.flatMap((path) => {
    const owner = partialOwner(basename(path));
    return owner ? [{ path, runId: owner.runId, epoch: owner.epoch, data: `${directory}/${owner.final}` }] : [];
  });
}

async function abortUploads(bucket: Bucket, data: string, ours: Marker[], others: Marker[]): Promise<void> {
  const open = await bucket.uploads(data);
  const named = (await Promise.all(ours.map(({ path }) => readMarker(bucket, path)))).flatMap((ids) => [...ids]);
  // One that no marker names may belong to anybody who has announced uploads here.
  const isOurs = (uploadId: string) => named.includes(uploadId) || others.length === 0;
  for (const path of removalOrder(data)) {
    for (const upload of open) {
      if (upload.path === path && isOurs(upload.uploadId)) await abortUpload(bucket, path, upload.uploadId);
    }
  }
}

async function removeUnpublished(bucket: Bucket, data: string, runId: string, epoch: number): Promise<void> {
  const [manifest = '', ...rest] = removalOrder(data);
  if (isManifestOf(runId, await bucket.readText(manifest), manifest)) return;
  for (const path of rest) {
    const owner = (await bucket.head(path))?.owner;
    if (owner?.runId === runId && owner.epoch <= epoch) await bucket.remove(path);
  }
}
