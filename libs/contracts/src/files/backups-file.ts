import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  registerDecorator,
  ValidateNested,
  type ValidationArguments,
} from 'class-validator';
import { EVENT_TYPES, type EventType } from '../events/registry.js';
import { EncryptionSpec } from './encryption-spec.js';
import { ExclusionSpec, InclusionSpec } from './selection-spec.js';
import { MaintenanceSettingsSpec } from './maintenance-settings.js';
import { RetrySpec } from './retry-spec.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';
import { SigningSpec } from './signing-spec.js';
import { HasRepository, RepositorySpec } from './repository-spec.js';
import { isSamePlace, IsStorage, type StorageSpec } from './storage-spec.js';
import { AreTargets, NAME, NAME_MESSAGE, type AnyTargetSpec, type TargetSpec } from './target-spec.js';
import {
  BACKUP_LEVELS,
  BACKUP_METHODS,
  COMPRESSIONS,
  LANGUAGES,
  METHOD_LEVELS,
  PROOF_LEVELS,
  type BackupLevel,
  type BackupMethod,
  type Compression,
  type Language,
  type ProofLevel,
} from '../words.js';

function IsTimeZone() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isTimeZone',
      target: target.constructor,
      propertyName,
      validator: {
        validate: isTimeZone,
        defaultMessage: () => `${propertyName} must be an IANA time zone such as Asia/Tokyo`,
      },
    });
  };
}

/** Not the place of the config's first storage. */
function IsAnotherPlace() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isAnotherPlace',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (place: StorageSpec, { object }: ValidationArguments) =>
          !isSamePlace(place, (object as ConfigSpec).storage),
        defaultMessage: () => `${propertyName} must be another place than storage`,
      },
    });
  };
}

/** Needs a place to put it. */
function NeedsWalArchive() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'needsWalArchive',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (on: unknown, { object }: ValidationArguments) =>
          on !== true || (object as ConfigSpec).walArchive !== undefined,
        defaultMessage: () => `${propertyName} needs a walArchive`,
      },
    });
  };
}

/** Of configs that log a PostgreSQL server. */
function IsOfWal() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isOfWal',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (_place: StorageSpec, { object }: ValidationArguments) =>
          (object as ConfigSpec).method === 'postgres-wal',
        defaultMessage: () => `${propertyName} belongs to configs of the method postgres-wal`,
      },
    });
  };
}

/** A level that the method beside it makes. */
function IsLevelOfMethod() {
  return (target: object, propertyName: string) => {
    const levelsOf = (config: object) => METHOD_LEVELS[(config as ConfigSpec).method] ?? BACKUP_LEVELS;
    registerDecorator({
      name: 'isLevelOfMethod',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (level: BackupLevel, { object }: ValidationArguments) => levelsOf(object).includes(level),
        defaultMessage: ({ object }: ValidationArguments) =>
          `level of method ${(object as ConfigSpec).method} must be one of: ${levelsOf(object).join(', ')}`,
      },
    });
  };
}

/** Parts of a server can be named where it is dumped, and by schema or by table: pg_dump passes over schemas where tables are named. */
function IsOfDump() {
  return (target: object, propertyName: string) => {
    const isDump = (config: object) => (config as ConfigSpec).method === 'postgres-logical';
    const isMixed = (value: unknown) => {
      const { schemas, tables } = value as InclusionSpec;
      return propertyName === 'include' && schemas !== undefined && tables !== undefined;
    };
    registerDecorator({
      name: 'isOfDump',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (value: unknown, { object }: ValidationArguments) => isDump(object) && !isMixed(value),
        defaultMessage: ({ object }: ValidationArguments) =>
          isDump(object)
            ? 'include has either schemas or tables; for whole schemas among tables write tables: ["sales.*"]'
            : `${propertyName} is for the method postgres-logical`,
      },
    });
  };
}

/** Names that were found good. Looking one up takes a millisecond, and every run validates its config again. */
const knownZones = new Set<string>();

export function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false;
  if (knownZones.has(value)) return true;
  try {
    if (new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone === '') return false;
    knownZones.add(value);
    return true;
  } catch {
    return false;
  }
}

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

/** So many newest days, weeks, months and years keep their last backup, although it is too old or one too many. */
export class KeepSpec {
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(3_660)
  daily?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(520)
  weekly?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(600)
  monthly?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  yearly?: number;
}

/** For one level, instead of what the config says for all. */
export class LevelRetentionSpec {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(36_500)
  days?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  count?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => KeepSpec)
  keep?: KeepSpec;
}

export class RetentionSpec {
  /** So many newest proven backups stay whatever the rules say. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  minimumProven: number = 1;

  @IsOptional()
  @ValidateNested()
  @Type(() => KeepSpec)
  keep?: KeepSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  full?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  differential?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  incremental?: LevelRetentionSpec;

  @IsOptional()
  @ValidateNested()
  @Type(() => LevelRetentionSpec)
  transaction_log?: LevelRetentionSpec;
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

  /** Dump processes at a time. */
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
}

/** What can be asked for at fixed times. */
export const SCHEDULED_EVENTS = ['backup.requested', 'verification.requested', 'maintenance.requested'] as const;

/** When to publish which request. */
export class ScheduleSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  /** Five fields, or six with seconds first. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  cron!: string;

  @IsOptional()
  @IsTimeZone()
  timeZone: string = 'UTC';

  @IsOptional()
  @IsIn(SCHEDULED_EVENTS)
  event: (typeof SCHEDULED_EVENTS)[number] = 'backup.requested';

  /** Data of the event. `trigger: automatic` and `requestedBy` are filled in. */
  @IsObject()
  request!: Record<string, unknown>;

  @IsOptional()
  @IsBoolean()
  enabled: boolean = true;

  /** Slots missed while no scheduler ran: `latest` makes up for the last one, `skip` for none, `all` for up to `catchUpLimit`. */
  @IsOptional()
  @IsIn(['latest', 'skip', 'all'])
  misfire: 'latest' | 'skip' | 'all' = 'latest';

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  catchUpLimit: number = 10;
}

/** Somebody to tell, and where. */
export class RecipientSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsOptional()
  @IsIn(LANGUAGES)
  language: Language = 'en';

  @IsOptional()
  @IsEmail({ require_tld: false })
  email?: string;

  /** Slack channel for the bot (`#dba`, `C0123`); needs the bot token in the notifier's settings. */
  @IsOptional()
  @IsString()
  @Matches(/^[#@]?[\p{L}\p{N}._-]{1,80}$/u)
  slackChannel?: string;

  /** Incoming webhook of a Slack channel, as a secret reference. */
  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `slackWebhook ${SECRET_MESSAGE}` })
  slackWebhook?: string;
}

/** Which events go to whom. A recipient is told on every channel it has, or only on those named. */
export class NotificationRuleSpec {
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(EVENT_TYPES, { each: true })
  events!: EventType[];

  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  recipients!: string[];

  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(['email', 'slack'], { each: true })
  channels?: ('email' | 'slack')[];
}

/** `backups.yaml`: everything that `hozen apply` puts in place. */
export class BackupsFile {
  @IsOptional()
  @IsArray()
  @AreTargets()
  targets: AnyTargetSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ConfigSpec)
  configs: ConfigSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ScheduleSpec)
  schedules: ScheduleSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RecipientSpec)
  recipients: RecipientSpec[] = [];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => NotificationRuleSpec)
  rules: NotificationRuleSpec[] = [];
}

/** Part of the file that the backup worker keeps. */
export class BackupConfiguration {
  @IsArray()
  @AreTargets()
  targets!: AnyTargetSpec[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ConfigSpec)
  configs!: ConfigSpec[];
}

/** Part of the file that the scheduler keeps. */
export class ScheduleConfiguration {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ScheduleSpec)
  schedules!: ScheduleSpec[];
}

/** Part of the file that the maintenance worker keeps: its own copy of the targets, and a config for the safety backup. */
export class MaintenanceConfiguration {
  @IsArray()
  @AreTargets()
  targets!: TargetSpec[];

  /** Target name → backup config used for the safety backup. */
  @IsObject()
  backupConfigs!: Record<string, string>;

  /** Limits and thresholds of targets; one that is not named keeps what it has, or the defaults. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => MaintenanceSettingsSpec)
  settings?: MaintenanceSettingsSpec[];
}

/** Part of the file that the notifier keeps. */
export class NotificationConfiguration {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RecipientSpec)
  recipients!: RecipientSpec[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => NotificationRuleSpec)
  rules!: NotificationRuleSpec[];
}
