import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  BACKUP_METHODS,
  COMPRESSIONS,
  DUMP_FORMATS,
  PROOF_LEVELS,
  type BackupLevel,
  type BackupMethod,
  type Compression,
  type DumpFormat,
  type ProofLevel,
} from '../words.js';
import { IsAnotherPlace, NeedsWalArchive, IsOfWal, IsLevelOfMethod, IsOfDump, IsOfWholeDump } from './config-rules.js';
import { EncryptionSpec } from './encryption-spec.js';
import { HasRepository, RepositorySpec } from './repository-spec.js';
import { ResourcesSpec } from './resources-spec.js';
import { RetentionSpec } from './retention-spec.js';
import { RetrySpec } from './retry-spec.js';
import { ExclusionSpec, InclusionSpec } from './selection-spec.js';
import { SigningSpec } from './signing-spec.js';
import { IsStorage, type StorageSpec } from './storage-spec.js';
import { NAME, NAME_MESSAGE } from './target-spec.js';
import { IsTimeZone } from './time-zone.js';

/** Execution window in the config's time zone; `to` before `from` crosses midnight. */
export class WindowSpec {
  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'from must be a time of day such as 02:00' })
  from!: string;

  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'to must be a time of day such as 05:00' })
  to!: string;
}

/** Retries by class of error. Defaults: BATCH-101 §6.2. */
export class RetriesSpec {
  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  connection: RetrySpec = RetrySpec.of(3, 600, true);

  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  io: RetrySpec = RetrySpec.of(2, 300, false);

  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  compression: RetrySpec = RetrySpec.of(1, 60, false);

  @IsOptional()
  @ValidateNested()
  @Type(() => RetrySpec)
  verification: RetrySpec = RetrySpec.of(1, 0, false);
}

/** What must be true of the data: asked of the restored copy whenever a backup is proven by a restore. */
export class AssertionSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  database!: string;

  /** One statement that gives one row with one column: true. It may only read. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(10_000)
  sql!: string;
}

/** What to back up, how, where to, and for how long it is kept (TBL-040). */
export class ConfigSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsString()
  @IsNotEmpty()
  target!: string;

  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string;

  @IsOptional()
  @IsIn(BACKUP_METHODS)
  method: BackupMethod = 'postgres-logical';

  @IsOptional()
  @IsLevelOfMethod()
  level: BackupLevel = 'full';

  @IsDefined()
  @IsStorage()
  storage!: StorageSpec;

  /** Where the same artefact goes as well, in the same pass. What cannot be written there is copied later. */
  @IsOptional()
  @IsStorage({ archive: true })
  @IsAnotherPlace()
  secondaryStorage?: StorageSpec;

  /**
   * Where the server archives its WAL to by archive_command (`hozen wal push`), encrypted and signed like the artefacts of
   * this config. For one cluster alone.
   */
  @IsOptional()
  @IsStorage()
  @IsAnotherPlace()
  @IsOfWal()
  walArchive?: StorageSpec;

  /** WAL is received all the time as well, by one of the workers, and put into the archive: seconds behind, not minutes. */
  @IsOptional()
  @IsBoolean()
  @NeedsWalArchive()
  continuous?: boolean;

  /** Without it artefacts are not encrypted. */
  @IsOptional()
  @ValidateNested()
  @Type(() => EncryptionSpec)
  encryption?: EncryptionSpec;

  /** Without it manifests are not signed, and signatures not asked for. */
  @IsOptional()
  @ValidateNested()
  @Type(() => SigningSpec)
  signing?: SigningSpec;

  @IsOptional()
  @IsTimeZone()
  timeZone: string = 'UTC';

  @IsOptional()
  @IsIn(COMPRESSIONS)
  compression: Compression = 'gzip';

  /** 1 is fastest, 9 smallest. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(9)
  compressionLevel: number = 1;

  /** Processes at a time, of a dump and of restores of it. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(32)
  jobs: number = 2;

  @IsOptional()
  @IsIn(PROOF_LEVELS)
  proof: ProofLevel = 'restore';

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(36_500)
  retentionDays: number = 30;

  @IsOptional()
  @IsInt()
  @Min(1)
  retentionCount?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => RetentionSpec)
  retention?: RetentionSpec;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_080)
  timeoutMinutes: number = 120;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => AssertionSpec)
  assertions?: AssertionSpec[];

  /** A full backup that is so many percent larger or smaller than the last ones is told of; 0: never. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(1000)
  sizeDeviationPercent: number = 20;

  /** For levels that build on one another: so many backups, the full one included, must be restored at most. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  maxChain: number = 14;

  /** The checkpoint at the beginning of a physical backup: at once, or spread over time so that nobody notices. */
  @IsOptional()
  @IsIn(['fast', 'spread'])
  checkpoint: 'fast' | 'spread' = 'fast';

  /**
   * How a physical backup comes to the files: read from the data directory (`files`), sent by the server (`server`), or
   * read where they can be, else sent (`auto`).
   */
  @IsOptional()
  @IsIn(['auto', 'files', 'server'])
  copyBy: 'auto' | 'files' | 'server' = 'auto';

  /**
   * Of the method postgres-logical: an archive that is restored side by side and in parts, or one file of SQL as pg_dumpall writes
   * it, for the whole server.
   */
  @IsOptional()
  @IsIn(DUMP_FORMATS)
  @IsOfWholeDump()
  format: DumpFormat = 'archive';

  /** The parts of the server that a dump has; without it, all of them. */
  @IsOptional()
  @IsOfDump()
  @ValidateNested()
  @Type(() => InclusionSpec)
  include?: InclusionSpec;

  /** The parts that a dump does not have. */
  @IsOptional()
  @IsOfDump()
  @ValidateNested()
  @Type(() => ExclusionSpec)
  exclude?: ExclusionSpec;

  /** Seconds a dump waits for a table lock before it gives up and is tried again. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(86_400)
  lockWaitSeconds: number = 60;

  /** Of the method git-config: where the files are committed. */
  @HasRepository()
  @ValidateNested()
  @Type(() => RepositorySpec)
  repository?: RepositorySpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => WindowSpec)
  window?: WindowSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => RetriesSpec)
  retries: RetriesSpec = new RetriesSpec();

  @IsOptional()
  @ValidateNested()
  @Type(() => ResourcesSpec)
  resources: ResourcesSpec = new ResourcesSpec();
}
