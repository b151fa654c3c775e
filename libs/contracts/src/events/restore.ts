import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  Equals,
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
  MaxLength,
  Min,
  MinLength,
  registerDecorator,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { AreNamePatterns } from '../files/selection-spec.js';
import {
  PERFORMANCE_MEASURES,
  POLICY_KINDS,
  WATCH_VERDICTS,
  type PerformanceMeasure,
  type WatchVerdict,
} from '../words.js';
import { BackupRejected, ErrorFacts } from './backup.js';

/** One database of the backup, and what it is to be called. */
export class RestoreDatabase {
  @IsString()
  @IsNotEmpty()
  @MaxLength(63)
  name!: string;

  /** Default: its own name, or that with `_restored` where only parts of it are named. A database of this name must not exist yet. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(63)
  as?: string;

  /** Instead of `as`: a database that is there, into which the schemas or tables go. None of them may be in it. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(63)
  into?: string;

  /** Only these schemas of it: patterns of pg_dump. Of a dump of PostgreSQL. */
  @AreNamePatterns('schema', { inDatabase: true })
  schemas?: string[];

  /** Only these tables of it, with all that they need: patterns of pg_dump; without a schema, of every schema. */
  @AreNamePatterns('table', { inDatabase: true })
  tables?: string[];
}

/** An absolute path without anything that could lead elsewhere. */
const FOLDER = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u;

const ALLOWED = new RegExp(`^(?:\\*|(?:${POLICY_KINDS.join('|')}):.+)$`, 's');

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** How far the log of a server is replayed: exactly one of these is given. */
export class RecoveryPoint {
  /** Everything that was committed up to this moment: RFC 3339 with a zone; what is finer than a microsecond is cut off. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(INSTANT, { message: 'time must be a moment with a zone, such as 2026-01-31T09:15:00+09:00' })
  time?: string;

  /** Up to this place in the WAL. */
  @IsOptional()
  @Matches(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, { message: 'lsn must be a place in WAL, such as 16/B374D848' })
  lsn?: string;

  /** Up to and with this transaction; the backup to begin from must be named then. */
  @IsOptional()
  @Matches(/^[0-9]{1,20}$/, { message: 'transaction must be a number' })
  transaction?: string;

  /** Up to the place that was given this name with `pg_create_restore_point`. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(63)
  restorePoint?: string;

  /** Of a MariaDB server: up to and with the transaction of this GTID. */
  @IsOptional()
  @Matches(/^[0-9]{1,10}-[0-9]{1,10}-[0-9]{1,19}$/, { message: 'gtid must be one GTID, such as 0-1-4711' })
  gtid?: string;

  /** Of a MariaDB server: all whole transactions up to this place in the binary log. */
  @IsOptional()
  @Matches(/^[^\0/:]{1,200}\.[0-9]{1,10}:[0-9]{1,15}$/, {
    message: 'position must be a place in the binary log, such as bin.000012:4711',
  })
  position?: string;

  /** As far as there is a log. */
  @IsOptional()
  @Equals(true)
  latest?: true;
}

/** `time 2026-01-31T00:15:00Z`, as it was asked for. */
export function pointText(point: RecoveryPoint): string {
  return Object.entries(point)
    .filter(([, value]) => value !== undefined)
    .map(([kind, value]) => (value === true ? kind : `${kind} ${value}`))
    .join(' ');
}

function HasOne() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'hasOne',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (value: unknown) => typeof value === 'object' && value !== null && given(value).length === 1,
        defaultMessage: () =>
          `${propertyName} must have exactly one of time, lsn, transaction, restorePoint, gtid, position, latest`,
      },
    });
  };
}

function given(value: object): unknown[] {
  return Object.values(value).filter((each) => each !== undefined);
}

/**
 * `restore.requested`: please bring a backup back, beside what is there. Databases of a dump go into a server (`target` and
 * `databases`), a copy of files into a new folder (`directory`), objects into a bucket (`target`).
 */
export class RestoreRequested {
  /** Run whose artefact is restored, by its id or that of its request. Default: the config's latest proven one. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(300)
  run?: string;

  /** Name of the backup config; needed without `run`. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  config?: string;

  /** Name of the target to restore into. */
  @ValidateIf(needsTarget)
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  target?: string;

  /** What of it, and under which names. A bucket has none. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => RestoreDatabase)
  databases?: RestoreDatabase[];

  /** Instead of `databases`: all of them, each under its name, with the roles (users) that are missing. */
  @IsOptional()
  @IsBoolean()
  whole?: boolean;

  /** The new data directory, on the machine of the worker. Its tablespaces go to `<directory>.tablespaces`. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  @Matches(FOLDER, { message: 'directory must be an absolute path without . and ..' })
  directory?: string;

  /** Into a folder: how far the server's log is replayed over the copy. Default: to where the copy is consistent. */
  @IsOptional()
  @HasOne()
  @ValidateNested()
  @Type(() => RecoveryPoint)
  point?: RecoveryPoint;

  /**
   * The databases take the place of those that bear their names now, or a tree of files that of the folder `directory`. Only through the API, by a DBA, and after a second one has approved
   * of the plan.
   */
  @IsOptional()
  @IsBoolean()
  inPlace?: boolean;

  /**
   * The folder is the data directory of a stopped server of the same cluster, or an older copy of one: only what differs is written, and what
   * the backup does not have is removed. Asked for and approved of as `inPlace`.
   */
  @IsOptional()
  @IsBoolean()
  delta?: boolean;

  /**
   * What may be brought although nobody answers for the backup (it was adopted, and its config has no `signing`): `kind:name` as a plan
   * shows it, `kind:*`, or `*` for everything. A backup that was found to be bad is restored where it is named itself: `bad-backup:run`.
   */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(300, { each: true })
  @Matches(ALLOWED, { each: true, message: 'allow must be *, or kind:name as a plan shows it' })
  allow?: string[];

  /** Why nobody else could be asked to approve: it begins at once, everybody is told, and it is written down. */
  @IsOptional()
  @IsString()
  @MinLength(10)
  @MaxLength(1000)
  breakGlass?: string;

  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  requestedBy?: string;
}

/** What is left out must be there unless it is a folder that is restored into. */
function needsTarget(request: RestoreRequested): boolean {
  return request.directory === undefined || request.target !== undefined || request.databases !== undefined;
}

/** What names a restore in every later event of it. */
export class RestoreFacts {
  @Matches(/^[0-9a-f-]{36}$/)
  restoreId!: string;

  /** Id of the `restore.requested` event that it answers. */
  @IsString()
  @IsNotEmpty()
  requestId!: string;

  /** Run whose artefact is restored. */
  @Matches(/^[0-9a-f-]{36}$/)
  runId!: string;

  @IsString()
  @IsNotEmpty()
  config!: string;

  /** Target that is restored into, or folder. */
  @IsString()
  @IsNotEmpty()
  target!: string;
}

/** `restore.accepted`: it will end in exactly one `restore.completed` or `restore.failed`. */
export class RestoreAccepted extends RestoreFacts {}

/** `restore.awaiting_approval`: it would take the place of what is there, and begins when a second DBA approves of its plan. */
export class RestoreAwaitingApproval extends RestoreFacts {
  /** SHA-256 of the plan. Only this plan can be approved of. */
  @Matches(/^[0-9a-f]{64}$/)
  planHash!: string;

  /** After this it cannot be approved of any more. */
  @IsISO8601()
  until!: string;

  @IsString()
  @IsNotEmpty()
  requestedBy!: string;
}

/** `restore.approved`: it may begin. */
export class RestoreApproved extends RestoreFacts {
  @Matches(/^[0-9a-f]{64}$/)
  planHash!: string;

  @IsString()
  @IsNotEmpty()
  by!: string;

  /** Why nobody else could be asked: then `by` is who asked for it. */
  @IsOptional()
  @IsString()
  breakGlass?: string;
}

/** `restore.rejected`: it cannot be a restore, with every reason. Terminal. */
export class RestoreRejected extends BackupRejected {}

/** `restore.started`: an attempt begins. */
export class RestoreStarted extends RestoreFacts {
  @IsInt()
  @Min(1)
  attempt!: number;

  @IsISO8601()
  startedAt!: string;
}

/** A database that was restored, compared with the backup, and opened under its name. */
export class RestoredDatabase {
  @IsString()
  name!: string;

  @IsString()
  as!: string;

  /** Tables whose content was compared. */
  @IsInt()
  @Min(0)
  tables!: number;
}

/** How far a log was replayed. */
export class ReachedPoint {
  /** RFC 3339: when the last transaction that is there was committed; absent where none was replayed. */
  @IsOptional()
  @IsISO8601()
  lastTransactionAt?: string;

  /** Of a PostgreSQL server: the place in the WAL, and the timeline that the restored server is on. */
  @IsOptional()
  @IsString()
  lsn?: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  timeline?: number;

  /** Of a MariaDB server: the place in the binary log of the original, and the last GTID of each domain. */
  @IsOptional()
  @IsString()
  position?: string;

  @IsOptional()
  @IsString()
  gtids?: string;
}

/** `restore.completed`: every database stands under its name, and holds what the backup holds. Terminal. */
export class RestoreCompleted extends RestoreFacts {
  @IsISO8601()
  startedAt!: string;

  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RestoredDatabase)
  databases!: RestoredDatabase[];

  @IsOptional()
  @ValidateNested()
  @Type(() => ReachedPoint)
  reached?: ReachedPoint;

  /** Seconds from the start to the opened databases. */
  @IsNumber()
  @Min(0)
  seconds!: number;

  @IsArray()
  @IsString({ each: true })
  warnings!: string[];
}

/**
 * `restore.failed`: none of the databases stands under its new name. Terminal. Only with RESTORE_UNFINISHED something was changed: a data directory
 * is half restored, and no server starts there.
 */
export class RestoreFailed extends RestoreFacts {
  @IsISO8601()
  finishedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => ErrorFacts)
  error!: ErrorFacts;
}

/** Something of a server that is not as it was. */
export class MeasureDeviation {
  @IsIn(PERFORMANCE_MEASURES)
  measure!: PerformanceMeasure;

  /** Before the restore, at this hour of the day where enough is known of it. */
  @IsNumber()
  normal!: number;

  /** The median of the last quarter of an hour. */
  @IsNumber()
  now!: number;
}

/** `restore.performance_normal`: a server that was restored in place performs as it did before, again. */
export class RestorePerformanceNormal extends RestoreFacts {
  /** When the watch ends. */
  @IsISO8601()
  until!: string;
}

/** `restore.performance_deviates`: a server that was restored in place performs otherwise than before. */
export class RestorePerformanceDeviates extends RestorePerformanceNormal {
  @IsNumber()
  thresholdPercent!: number;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => MeasureDeviation)
  deviations!: MeasureDeviation[];
}

/** `restore.performance_watched`: the watch after a restore in place has ended. */
export class RestorePerformanceWatched extends RestorePerformanceNormal {
  @IsIn(WATCH_VERDICTS)
  verdict!: WatchVerdict;

  /** What is outside of the normal range at the end. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => MeasureDeviation)
  deviations!: MeasureDeviation[];
}
