import { ArrayMaxSize, IsArray, IsIn, IsInt, IsNotEmpty, IsNumber, IsString, Min } from 'class-validator';

/** `warning` and `critical`: more is in use than the config allows without a word. */
export const USAGE_LEVELS = ['ok', 'warning', 'critical'] as const;
export type UsageLevel = (typeof USAGE_LEVELS)[number];

/** How full a storage is. */
class StorageUsageFacts {
  /** Folder or `s3://bucket/prefix`. */
  @IsString()
  @IsNotEmpty()
  storage!: string;

  /** Of the disk by whomever, or of the quota. */
  @IsNumber()
  @Min(0)
  usedPercent!: number;

  @IsInt()
  @Min(0)
  usedBytes!: number;

  /** The disk without what is reserved for root, or the quota. */
  @IsInt()
  @Min(0)
  capacityBytes!: number;

  /** Of these, the artefacts of Hozen. */
  @IsInt()
  @Min(0)
  artefactBytes!: number;

  /** Configs that store there. */
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  configs!: string[];
}

/** `storage.usage_high`: a storage went above a threshold. Once, until it was well below again. */
export class StorageUsageHigh extends StorageUsageFacts {
  @IsIn(['warning', 'critical'])
  level!: 'warning' | 'critical';

  /** Which it went above. */
  @IsNumber()
  @Min(0)
  thresholdPercent!: number;
}

/** `storage.usage_normal`: it is well below all thresholds again. */
export class StorageUsageNormal extends StorageUsageFacts {}
