import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './backups-file.js';
import { FileStorageSpec, S3StorageSpec, storageLocation } from './storage-spec.js';

const check = (storage: unknown) => validate(ConfigSpec, { name: 'nightly', target: 'shop', storage });
const faults = (storage: unknown) => {
  const result = check(storage);
  return result.ok ? [] : result.reasons.map(({ field }) => field);
};
const s3 = (change: object = {}) => ({ kind: 's3', bucket: 'backups', ...change });

describe('the storage of a config', () => {
  it('is a folder, as it always was', () => {
    const result = check({ kind: 'file', path: '/srv/backups' });
    expect(result.ok && result.value.storage).toBeInstanceOf(FileStorageSpec);
  });

  it('is a bucket, with defaults', () => {
    const result = check(s3({ prefix: 'prod/shop' }));
    if (!result.ok) throw new Error('refused');
    expect(result.value.storage).toBeInstanceOf(S3StorageSpec);
    expect(result.value.storage).toMatchObject({ region: 'us-east-1', conditionalWrites: true, maxParts: 10_000 });
    expect(storageLocation(result.value.storage)).toBe('s3://backups/prod/shop');
  });

  it.each([{ kind: 'tape', path: '/x' }, {}, null, { kind: 's3' }, { kind: 'file', bucket: 'b' }])(
    'is not %j',
    (storage) => {
      expect(faults(storage)).not.toEqual([]);
    },
  );

  it('is refused with every fault at once', () => {
    const wrong = s3({ bucket: 'A/b', region: 'a b', endpoint: 'ftp://x', maxParts: 0, color: 'red' });
    expect(faults(wrong).toSorted()).toEqual([
      'storage.bucket',
      'storage.color',
      'storage.endpoint',
      'storage.maxParts',
      'storage.region',
    ]);
  });

  it.each(['..', '../x', 'a/../b', 'a/..', './a', '/a', 'a/', 'a//b', 'a\nb', 'a b', 'a?b', ''])(
    'has no prefix %j, which could lead elsewhere',
    (prefix) => {
      expect(faults(s3({ prefix }))).toEqual(['storage.prefix']);
    },
  );

  it('takes keys by reference only, both or none, and does not repeat what it was given instead', () => {
    expect(faults(s3({ accessKey: 'env:A', secretKey: 'file:/run/s' }))).toEqual([]);
    expect(faults(s3({ accessKey: 'env:A' }))).toEqual(['storage.secretKey']);
    expect(faults(s3({ secretKey: 'env:A' }))).toEqual(['storage.accessKey']);
    const plain = check(s3({ accessKey: 'AKIAHUNTER2', secretKey: 'hunter2', sessionToken: 'hunter2' }));
    expect(plain.ok).toBe(false);
    expect(JSON.stringify(plain).toLowerCase()).not.toContain('hunter2');
  });

  it.each(['GLACIER', 'DEEP_ARCHIVE'])('is not of the class %s, from which nothing could be proven', (storageClass) => {
    expect(faults(s3({ storageClass }))).toEqual(['storage.storageClass']);
  });
});
