import { paginateListObjectsV2, type S3Client, type _Object } from '@aws-sdk/client-s3';
import { objectsLocation, type S3TargetSpec } from '@hozen/contracts';
import { Minimatch } from 'minimatch';
import { readLines, sortLines } from '../../pipeline/sorted-lines.js';
import { onS3 } from '../../storage/s3/s3-error.js';
import type { ByteText } from '../files/byte-text.js';
import { KeyPlaces } from './key-path.js';

/** What a listing says of an object. */
export interface ListedObject {
  /** Without the prefix of the target. */
  key: string;
  size: number;
  etag: string;
  /** Milliseconds since 1970. */
  modifiedAt: number;
  storageClass: string;
}

/** A path of the tree that the objects become. */
export interface FoundObject {
  path: ByteText;
  /** A folder has none: buckets know no folders. */
  object?: ListedObject;
}

export interface FoundObjects {
  /** By the bytes of their paths. */
  paths: () => AsyncGenerator<FoundObject>;
  objects: number;
  bytes: number;
  excluded: number;
}

export interface Listing {
  client: S3Client;
  spec: S3TargetSpec;
  /** Exists, and is ours. */
  folder: string;
  signal: AbortSignal;
  onObjects: (count: number) => void;
}

/**
 * Lists the objects of a bucket, and finds a path for each, in the same memory however many there are: sorted by their keys
 * first, whatever order the provider has, and then by their paths.
 * @throws HozenError of the STORAGE_ codes
 */
export async function listObjects(listing: Listing): Promise<FoundObjects> {
  const { folder, signal } = listing;
  const [keys, paths] = [`${folder}/keys`, `${folder}/paths`];
  const found = { objects: 0, bytes: 0, excluded: 0 };
  await sortLines(keyLines(listing, found), { file: keys, folder, signal });
  await sortLines(pathLines(keys, found), { file: paths, folder, signal });
  return { ...found, paths: () => foundIn(paths) };
}

async function* keyLines(
  { client, spec, signal, onObjects }: Listing,
  found: { excluded: number },
): AsyncGenerator<string> {
  const excluded = spec.exclude.map((glob) => new Minimatch(glob, { dot: true, nocomment: true, nonegate: true }));
  const prefix = spec.prefix === undefined ? '' : `${spec.prefix}/`;
  // XML cannot hold every key as it is.
  const wanted = { Bucket: spec.bucket, Prefix: prefix, EncodingType: 'url' } as const;
  const pages = paginateListObjectsV2({ client }, wanted, { abortSignal: signal });
  let count = 0;
  for (;;) {
    const page = await onS3(objectsLocation(spec), () => pages.next());
    if (page.done) return;
    const isEncoded = page.value.EncodingType === 'url';
    for (const each of page.value.Contents ?? []) {
      const key = keyOf(each, isEncoded).slice(prefix.length);
      if (key === '') continue;
      if (excluded.some((pattern) => pattern.match(key))) found.excluded++;
      else yield `${hex(key)} ${JSON.stringify(listed(each, key))}`;
    }
    onObjects((count += page.value.Contents?.length ?? 0));
  }
}

function keyOf({ Key = '' }: _Object, isEncoded: boolean): string {
  return isEncoded ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key;
}

function listed({ Size = 0, ETag = '', LastModified, StorageClass = 'STANDARD' }: _Object, key: string): ListedObject {
  return { key, size: Size, etag: ETag, modifiedAt: LastModified?.getTime() ?? 0, storageClass: StorageClass };
}

async function* pathLines(keys: string, found: { objects: number; bytes: number }): AsyncGenerator<string> {
  const places = new KeyPlaces();
  let open: readonly ByteText[] = [];
  let last = '';
  yield `${hexOf('.')} {}`;
  for await (const line of readLines(keys)) {
    const [key = ''] = line.split(' ', 1);
    // What is written while it is listed may stand on two pages.
    if (key === last) continue;
    last = key;
    const object = JSON.parse(line.slice(key.length + 1)) as ListedObject;
    found.objects++;
    found.bytes += object.size;
    const { path, folders } = places.next(Buffer.from(key, 'hex').toString('latin1'));
    for (const folder of folders) if (!open.includes(folder)) yield `${hexOf(folder)} {}`;
    open = folders;
    yield `${hexOf(path)} ${JSON.stringify({ object })}`;
  }
}

async function* foundIn(paths: string): AsyncGenerator<FoundObject> {
  for await (const line of readLines(paths)) {
    const [path = ''] = line.split(' ', 1);
    const rest = JSON.parse(line.slice(path.length + 1)) as Omit<FoundObject, 'path'>;
    yield { path: Buffer.from(path, 'hex').toString('latin1'), ...rest };
  }
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

function hexOf(bytes: ByteText): string {
  return Buffer.from(bytes, 'latin1').toString('hex');
}
