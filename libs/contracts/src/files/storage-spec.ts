import { normalize } from 'node:path/posix';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
  type ValidationOptions,
} from 'class-validator';
import { UsageSpec } from './usage-spec.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';

const KIND: ValidationOptions = { message: 'kind must be file or s3' };

/** A folder that the worker sees; a mounted NFS folder will do. */
export class FileStorageSpec {
  @IsIn(['file'], KIND)
  kind!: 'file';

  /** Absolute folder. */
  @IsString()
  @Matches(/^\/[^\p{Cc}]*$/u, { message: 'path must be an absolute path' })
  @MaxLength(700)
  path!: string;

  /** Backups that write there at a time, over all workers; absent: any number. Logs are not counted. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxRuns?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => UsageSpec)
  usage?: UsageSpec;
}

/** Classes that are read at once. What lies in the others (GLACIER, DEEP_ARCHIVE) could not be proven. */
export const S3_STORAGE_CLASSES = [
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'REDUCED_REDUNDANCY',
] as const;

/** Classes from which nothing is read for hours: good enough for a second copy that nobody reads in good times. */
export const S3_ARCHIVE_CLASSES = ['GLACIER', 'DEEP_ARCHIVE'] as const;

/** Keeps objects from being overwritten or removed. The bucket must have been made with object lock. */
export class ObjectLockSpec {
  @IsIn(['GOVERNANCE', 'COMPLIANCE'])
  mode!: 'GOVERNANCE' | 'COMPLIANCE';

  @IsInt()
  @Min(1)
  @Max(36_500)
  days!: number;
}

/** How a bucket of Amazon S3, or of another provider that speaks its protocol, is reached. */
export class S3AccessSpec {
  @Matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { message: 'bucket must be the name of a bucket' })
  bucket!: string;

  @IsOptional()
  @Matches(/^[a-zA-Z0-9-]{1,64}$/, { message: 'region must be letters, digits and hyphens' })
  region: string = 'us-east-1';

  /** Address of another provider than Amazon. */
  @IsOptional()
  @Matches(/^https?:\/\/[^\s/@?#]+(\/[^\s@?#]*)?$/, {
    message: 'endpoint must be an http or https address without a user',
  })
  endpoint?: string;

  /** Certificates (PEM) that the endpoint's own is checked against, instead of those of the system. */
  @IsOptional()
  @Matches(/^\/[^\p{Cc}]*$/u, { message: 'caFile must be an absolute path' })
  caFile?: string;

  /** The bucket in the path instead of the host name. Default: only where an endpoint is given. */
  @IsOptional()
  @IsBoolean()
  pathStyle?: boolean;

  /** Both absent: what the worker's surroundings give (variables of AWS, role of the machine). */
  @ValidateIf((spec: S3AccessSpec) => spec.accessKey !== undefined || spec.secretKey !== undefined)
  @Matches(SECRET_REFERENCE, { message: `accessKey ${SECRET_MESSAGE}; with secretKey` })
  accessKey?: string;

  @ValidateIf((spec: S3AccessSpec) => spec.accessKey !== undefined || spec.secretKey !== undefined)
  @Matches(SECRET_REFERENCE, { message: `secretKey ${SECRET_MESSAGE}; with accessKey` })
  secretKey?: string;

  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `sessionToken ${SECRET_MESSAGE}` })
  sessionToken?: string;

  /** `when-required` for providers that do not know the newer checksums. Default: that, where an endpoint is given. */
  @IsOptional()
  @IsIn(['when-supported', 'when-required'])
  checksums?: 'when-supported' | 'when-required';

  /** Seconds without a byte after which a request is given up. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3_600)
  stallSeconds: number = 60;
}

/** A bucket of Amazon S3, or of another provider that speaks its protocol. */
export class S3StorageSpec extends S3AccessSpec {
  @IsIn(['s3'], KIND)
  kind!: 's3';

  /** Put before every name, like a folder. */
  @IsOptional()
  @MaxLength(300)
  @Matches(/^(?!.*(^|\/)\.{1,2}(\/|$))[\p{L}\p{N}!_.*'()-]+(\/[\p{L}\p{N}!_.*'()-]+)*$/u, {
    message: 'prefix must be names separated by single slashes, without one at its ends, and without . and ..',
  })
  prefix?: string;

  /** Of the data; checksum and manifest are small and stay in the standard class. */
  @IsOptional()
  @IsIn(S3_STORAGE_CLASSES)
  storageClass?: (typeof S3_STORAGE_CLASSES)[number] | (typeof S3_ARCHIVE_CLASSES)[number];

  @IsOptional()
  @IsIn(['AES256', 'aws:kms'])
  serverSideEncryption?: 'AES256' | 'aws:kms';

  @IsOptional()
  @Matches(/^[\w:/-]{1,300}$/, { message: 'kmsKey must be the id, alias or ARN of a key' })
  kmsKey?: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => ObjectLockSpec)
  objectLock?: ObjectLockSpec;

  /** False for providers that do not know `If-None-Match`: then it is looked first, which is no guard against a race. */
  @IsOptional()
  @IsBoolean()
  conditionalWrites: boolean = true;

  /** Most parts that the provider takes in one upload. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxParts: number = 10_000;

  /** Backups that write there at a time, over all workers; absent: any number. Logs are not counted. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxRuns?: number;

  /** Bytes that may lie below `prefix`: what a disk is to a folder. Without it nobody knows how full a bucket is. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  quotaBytes?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => UsageSpec)
  usage?: UsageSpec;
}

/** A bucket for second copies: what lies there need not be readable at once. */
export class S3ArchiveSpec extends S3StorageSpec {
  @IsOptional()
  @IsIn([...S3_STORAGE_CLASSES, ...S3_ARCHIVE_CLASSES])
  override storageClass?: S3StorageSpec['storageClass'];
}

export type StorageSpec = FileStorageSpec | S3StorageSpec;

/**
 * A field that is one of the storages; which one, `kind` tells.
 * @param archive whether it may be one that is not read at once
 */
export function IsStorage({ archive = false } = {}): PropertyDecorator {
  const type = Type(() => FileStorageSpec, {
    discriminator: {
      property: 'kind',
      subTypes: [
        { value: FileStorageSpec, name: 'file' },
        { value: archive ? S3ArchiveSpec : S3StorageSpec, name: 's3' },
      ],
    },
    keepDiscriminatorProperty: true,
  });
  return (target, property) => {
    type(target, property);
    ValidateNested()(target, property);
  };
}

/** How people call the place of a storage. */
export function storageLocation(storage: StorageSpec): string {
  if (storage.kind === 'file') return storage.path;
  return `s3://${storage.bucket}${storage.prefix === undefined ? '' : `/${storage.prefix}`}`;
}

/** Whether artefacts of one config would meet in both. */
export function isSamePlace(one: StorageSpec | undefined, other: StorageSpec | undefined): boolean {
  return one !== undefined && other !== undefined && placeOf(one) === placeOf(other);
}

function placeOf(storage: StorageSpec): string {
  if (storage.kind === 'file') return normalize(`${storage.path}/`);
  return `${(storage.endpoint ?? '').replace(/\/+$/, '')} ${storageLocation(storage)}`;
}
