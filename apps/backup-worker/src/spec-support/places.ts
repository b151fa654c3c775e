import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { S3StorageSpec, type StorageSpec } from '@hozen/contracts';
import { tempDir, TestS3 } from '@hozen/testkit';
import { Bucket } from '../storage/s3/bucket.js';

/** A storage of every kind that there is, with nothing in it, seen as others see it. */
export interface Place extends AsyncDisposable {
  spec: StorageSpec;
  /** One of its kind that nothing can be stored in. */
  broken(): Promise<StorageSpec>;
  /** Of all that is there, and of what is being uploaded to it. */
  names(): Promise<string[]>;
  /** Puts something of others there. */
  put(path: string, text: string): Promise<void>;
  bytes(path: string): Promise<Buffer>;
}

async function folder(): Promise<Place> {
  const temp = await tempDir();
  const spec = { kind: 'file', path: temp.join('storage') } as const;
  return {
    spec,
    async broken() {
      const path = temp.join('a-file');
      await writeFile(path, '');
      return { kind: 'file', path };
    },
    names: () => filesBelow(spec.path),
    async put(path, text) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    },
    bytes: (path) => readFile(path),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** The server keeps its objects as files. */
async function bucket(): Promise<Place> {
  const s3 = await TestS3.start();
  const spec = Object.assign(new S3StorageSpec(), s3.storage('below/it'));
  const root = `s3://${s3.bucket}/below/it`;
  return {
    spec,
    broken: () => Promise.resolve(Object.assign(new S3StorageSpec(), spec, { bucket: 'there-is-none' })),
    async names() {
      const uploads = await new Bucket(spec).uploads(`${root}/`);
      const open = uploads.map(({ path }) => `upload of ${basename(path)}`);
      return [...(await filesBelow(s3.fileOf(root))), ...open];
    },
    put: (path, text) => new Bucket(spec).put(path, text),
    bytes: (path) => readFile(s3.fileOf(path)),
    [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose](),
  };
}

export const PLACES = { 'a folder': folder, 'a bucket': bucket } as const;

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
