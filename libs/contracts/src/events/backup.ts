import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { ERROR_CODES, type ErrorCode } from '../errors/catalogue.js';
import {
  BACKUP_LEVELS,
  BACKUP_TRIGGERS,
  PROOF_LEVELS,
  type BackupLevel,
  type BackupTrigger,
  type ProofLevel,
} from '../words.js';
import { RejectionReason } from './rejection.js';

/** `backup.requested`: please back this up. Anyone with the right may publish it; `{"config":"nightly"}` is enough. */
export class BackupRequested {
  /** Name of the backup config. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  config!: string;

  /** Default: the config's level. */
  @IsOptional()
  @IsIn(BACKUP_LEVELS)
  level?: BackupLevel;

  /** Default `manual`; the scheduler says `automatic`. */
  @IsOptional()
  @IsIn(BACKUP_TRIGGERS)
  trigger?: BackupTrigger;

  /** For people: why. Kept in `backup_records.backup_description`. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;

  /** Who asked. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  requestedBy?: string;

  /** Run outside the config's execution window as well. Recorded. */
  @IsOptional()
  @IsBoolean()
  overrideWindow?: boolean;

  /**
   * A full backup of files that is combined from the newest one of the config and those that it builds on: the server is
   * not asked. Where there is nothing to combine, the files are copied.
   */
  @IsOptional()
  @IsBoolean()
  synthetic?: boolean;

  /** Days to keep this artefact; default: the config's. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(36_500)
  retentionDays?: number;

  /** Default: the config's compression; `false` switches it off. */
  @IsOptional()
  @IsBoolean()
  compress?: boolean;

  /** Default: the config's proof; `false` leaves it at reading the artefact back. */
  @IsOptional()
  @IsBoolean()
  verify?: boolean;
}

/** What names a run in every later event of it. */
export class BackupRunFacts {
  @Matches(/^[0-9a-f-]{36}$/)
  runId!: string;

  /** Id of the `backup.requested` event that this run answers. */
  @IsString()
  @IsNotEmpty()
  requestId!: string;

  @IsString()
  @IsNotEmpty()
  config!: string;

  @IsString()
  @IsNotEmpty()
  target!: string;

  @IsIn(BACKUP_LEVELS)
  level!: BackupLevel;

  @IsIn(BACKUP_TRIGGERS)
  trigger!: BackupTrigger;
}

/** `backup.accepted`: the request is a run now, and will end in exactly one `backup.completed` or `backup.failed`. */
export class BackupAccepted extends BackupRunFacts {}

/** `backup.started`: an attempt of the run begins. */
export class BackupStarted extends BackupRunFacts {
  @IsInt()
  @Min(1)
  attempt!: number;

  @IsISO8601()
  startedAt!: string;
}

/** What is in no log: places are LSNs of PostgreSQL, or files of MariaDB's binary log. */
export class LogGap {
  /** Where the log before ends: place, and time. */
  @IsString()
  @IsNotEmpty()
  fromLsn!: string;

  @IsISO8601()
  from!: string;

  /** Where the next one begins. */
  @IsString()
  @IsNotEmpty()
  toLsn!: string;

  @IsString()
  @IsNotEmpty()
  reason!: string;
}

/**
 * `backup.gap_found`: a log does not go on from the one before. Points in time between cannot be restored, and none after
 * it until there is a new full backup.
 */
export class BackupGapFound extends BackupRunFacts {
  @IsDefined()
  @ValidateNested()
  @Type(() => LogGap)
  gap!: LogGap;

  /** Configs of which a full backup was asked for. */
  @IsArray()
  @IsString({ each: true })
  requested!: string[];
}

/** `backup.rejected`: the request is not a run. Every reason is named; the message is kept in the dead letters. */
export class BackupRejected {
  @IsString()
  @IsNotEmpty()
  requestId!: string;

  /** The config that was asked for, as far as it could be read. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  config?: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RejectionReason)
  reasons!: RejectionReason[];
}

/** Where the artefact is and how large. */
export class ArtefactFacts {
  @IsString()
  @IsNotEmpty()
  path!: string;

  /** Bytes in storage. */
  @IsInt()
  @Min(0)
  bytes!: number;

  /** Bytes before compression. */
  @IsInt()
  @Min(0)
  originalBytes!: number;

  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;
}

/** Of a Git repository. */
export class ProvenCommit {
  @IsString()
  @IsNotEmpty()
  id!: string;

  @IsBoolean()
  changed!: boolean;
}

/** How the artefact was proven. */
export class ProofFacts {
  @IsIn(PROOF_LEVELS)
  level!: ProofLevel;

  /** The original is damaged, and so is this: better than nothing, but no backup to rely on. */
  @IsOptional()
  @IsBoolean()
  damaged?: boolean;

  /** What the config says must be true, and is not: names and reasons. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  failedAssertions?: string[];

  /** Databases that were restored into the scratch server and compared; 0 for `checksum`. */
  @IsInt()
  @Min(0)
  databases!: number;

  /** Tables whose content was compared. */
  @IsInt()
  @Min(0)
  tables!: number;

  /** Of a tree of files: paths that were restored into a scratch folder and compared. */
  @IsOptional()
  @IsInt()
  @Min(0)
  files?: number;

  /** Of configuration files: the commit that has them, and whether this run made it because something had changed. */
  @IsOptional()
  @ValidateNested()
  @Type(() => ProvenCommit)
  commit?: ProvenCommit;

  /** Seconds the proof took, restore included. */
  @IsNumber()
  @Min(0)
  seconds!: number;
}

/** `backup.completed`: the artefact is committed and proven. Terminal. */
export class BackupCompleted extends BackupRunFacts {
  /** Row in `backup_records`. */
  @IsInt()
  recordId!: number;

  @IsInt()
  @Min(1)
  attempts!: number;

  @IsISO8601()
  startedAt!: string;

  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ArtefactFacts)
  artefact!: ArtefactFacts;

  @IsDefined()
  @ValidateNested()
  @Type(() => ProofFacts)
  proof!: ProofFacts;

  /** Bytes a second of original data while dumping. */
  @IsNumber()
  @Min(0)
  bytesPerSecond!: number;

  /** What is worth knowing although the backup is good: skipped databases, long locks. At most 50, and how many more. */
  @IsArray()
  @ArrayMaxSize(51)
  @IsString({ each: true })
  warnings!: string[];
}

/** An error as it travels in events: the code is stable, the texts are English; readers translate by the code. */
export class ErrorFacts {
  @IsIn(ERROR_CODES)
  code!: ErrorCode;

  @IsString()
  message!: string;

  @IsString()
  hint!: string;
}

/** `backup.failed`: no artefact of this run exists. Terminal. */
export class BackupFailed extends BackupRunFacts {
  @IsOptional()
  @IsInt()
  recordId?: number;

  @IsInt()
  @Min(0)
  attempts!: number;

  @IsOptional()
  @IsISO8601()
  startedAt?: string;

  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ErrorFacts)
  error!: ErrorFacts;
}

/** `backup.deleted`: the rules of retention let an artefact go, and it is gone. */
export class BackupDeleted {
  @Matches(/^[0-9a-f-]{36}$/)
  runId!: string;

  @IsString()
  @IsNotEmpty()
  config!: string;

  @IsString()
  @IsNotEmpty()
  target!: string;

  /** Where it stood. */
  @IsString()
  @IsNotEmpty()
  path!: string;

  @IsInt()
  @Min(0)
  bytes!: number;

  /** Why: `old` or `surplus`. */
  @IsArray()
  @IsString({ each: true })
  reasons!: string[];
}
