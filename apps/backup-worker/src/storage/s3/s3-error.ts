import { S3ServiceException } from '@aws-sdk/client-s3';
import { HozenError } from '@hozen/contracts';

/** What no repetition changes: a person has to look at keys, rights or the bucket. */
const REFUSED = new Set([
  'AccessDenied',
  'AuthorizationHeaderMalformed',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidObjectState',
  'NoSuchBucket',
  'NotImplemented',
  'PermanentRedirect',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage']);

/** Runs requests about `path`; what they throw becomes a HozenError. */
export async function onS3<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asS3Error(error, path);
  }
}

/** True for "there is no such object". */
export function isNoSuchKey(thrown: unknown): boolean {
  return nameOf(thrown) === 'NoSuchKey' || nameOf(thrown) === 'NotFound';
}

export function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

function asS3Error(thrown: unknown, path: string): HozenError {
  if (thrown instanceof HozenError) return thrown;
  const name = nameOf(thrown);
  const detail = thrown instanceof Error ? `${name}: ${thrown.message}` : String(thrown);
  const options = { cause: thrown, detail };
  if (name === 'RequestTimeTooSkewed') {
    return new HozenError('STORAGE_CLOCK_SKEW', { path, seconds: skewSeconds(thrown) ?? '?' }, options);
  }
  const status = thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
  if (FULL.has(name) || status === 507) return new HozenError('DISK_FULL', { path }, options);
  if (REFUSED.has(name) || status === 401 || status === 403) {
    return new HozenError('STORAGE_REFUSED', { path, reason: name }, options);
  }
  return new HozenError('STORAGE_IO', { path }, options);
}

/** How far our clock is before that of the storage, which every answer carries. */
function skewSeconds(thrown: unknown): number | undefined {
  const headers = thrown instanceof S3ServiceException ? thrown.$response?.headers : undefined;
  const theirs = Date.parse(headers?.['date'] ?? '');
  return Number.isNaN(theirs) ? undefined : Math.round((Date.now() - theirs) / 1000);
}
