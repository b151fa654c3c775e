import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { BackupsFile } from './backups-file.js';
import { objectsLocation, S3TargetSpec } from './target-spec.js';

describe('a bucket as a target', () => {
  const checked = (target: object) => validate(BackupsFile, { targets: [{ name: 'b', kind: 's3', ...target }] });
  const faults = (target: object) => {
    const result = checked(target);
    return result.ok ? [] : [...new Set(result.reasons.map(({ field }) => field))];
  };

  it('is a bucket and maybe a prefix, and fills its defaults', () => {
    const result = checked({ bucket: 'documents', prefix: '契約/2026 a+b' });
    expect(result.ok && result.value.targets[0]).toMatchObject({ region: 'us-east-1', stallSeconds: 60, exclude: [] });
    expect(result.ok && result.value.targets[0]).toBeInstanceOf(S3TargetSpec);
    expect(objectsLocation({ bucket: 'documents', prefix: 'a/b' })).toBe('s3://documents/a/b');
    expect(objectsLocation({ bucket: 'documents' })).toBe('s3://documents');
  });

  it('takes keys as references alone, and both of them', () => {
    expect(faults({ bucket: 'b-1', accessKey: 'AKIA', secretKey: 'env:S' })).toEqual(['targets.0.accessKey']);
    expect(faults({ bucket: 'b-1', accessKey: 'env:A' })).toEqual(['targets.0.secretKey']);
  });

  it.each(['/a', 'a/', '/', 'a\0b', ''])('has no prefix %j', (prefix) => {
    expect(faults({ bucket: 'b-1', prefix })).toEqual(['targets.0.prefix']);
  });

  it('has nothing of a storage', () => {
    expect(faults({ bucket: 'b-1', storageClass: 'STANDARD' })).toEqual(['targets.0.storageClass']);
  });
});
