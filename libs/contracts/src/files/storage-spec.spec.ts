import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { ConfigSpec } from './config-spec.js';
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

describe('the second storage of a config', () => {
  const faultsOf = (storage: unknown, secondaryStorage: unknown) => {
    const result = validate(ConfigSpec, { name: 'nightly', target: 'shop', storage, secondaryStorage });
    return result.ok ? [] : result.reasons;
  };
  const file = (path: string) => ({ kind: 'file', path });

  it.each([
    [file('/srv/backups'), file('/mnt/backups')],
    [file('/srv/backups'), s3({ storageClass: 'GLACIER' })],
    [s3(), s3({ prefix: 'second' })],
    [s3(), s3({ endpoint: 'https://other.example.org' })],
  ])('is another place: %j, %j', (one, other) => {
    expect(faultsOf(one, other)).toEqual([]);
  });

  it.each([
    [file('/srv/backups'), file('/srv/backups/')],
    [file('/srv/backups'), file('/srv//x/../backups')],
    [s3({ endpoint: 'https://s3.example.org' }), s3({ endpoint: 'https://s3.example.org/', region: 'eu-1' })],
  ])('is not the same place by another name: %j, %j', (one, other) => {
    expect(faultsOf(one, other)).toMatchObject([{ field: 'secondaryStorage' }]);
  });

  it('is refused with its faults where there is no first one', () => {
    expect(faultsOf(undefined, file('/srv/backups')).map(({ field }) => field)).toEqual(['storage']);
  });

  it('is not repeated with what should have been a reference', () => {
    const same = s3({ bucket: 'abc', region: 'x', maxParts: 1, accessKey: 'hunter2', secretKey: 'hunter2' });
    expect(JSON.stringify(faultsOf(same, same))).not.toContain('hunter2');
  });
});
