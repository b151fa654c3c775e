import type { Bucket } from './bucket.js';

/** An upload and where it leads. */
export interface MarkedUpload {
  path: string;
  uploadId: string;
}

/**
 * A marker stands beside the artefact under the name of a partial file, as long as it is being made: run and epoch are
 * in its name, and in it the uploads, which themselves cannot carry a name.
 */
export async function writeMarker(bucket: Bucket, marker: string, uploads: readonly MarkedUpload[]): Promise<void> {
  const known = uploads.map(({ path, uploadId }) => ({ path, uploadId }));
  await bucket.put(marker, JSON.stringify({ uploads: known }));
}

/** Names of the uploads in a marker. */
export async function readMarker(bucket: Bucket, marker: string): Promise<Set<string>> {
  const text = await bucket.readText(marker);
  if (text === undefined) return new Set();
  const { uploads } = JSON.parse(text) as { uploads: MarkedUpload[] };
  return new Set(uploads.map(({ uploadId }) => uploadId));
}
