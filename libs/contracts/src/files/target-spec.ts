import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { TARGET_KINDS, type TargetKind } from '../words.js';
import { ArePatterns } from './mask-pattern.js';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';
import { S3AccessSpec } from './storage-spec.js';

/** Names are shown, logged and put into file names. Any printable text will do; no control characters, no slashes. */
export const NAME = /^[^\p{Cc}\p{Zl}\p{Zp}/\\]{1,200}$/u;
export const NAME_MESSAGE = 'must be 1 to 200 printable characters without slashes';

class NamedTarget {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsIn(TARGET_KINDS)
  kind!: TargetKind;
}

/** How a server is looked at, so that it is known what is normal, and watched after a restore in place. */
export class BaselineSpec {
  /** One short session each time. */
  @IsOptional()
  @IsInt()
  @Min(5)
  @Max(3600)
  everySeconds: number = 60;

  /** How far a measure may lie from the normal. */
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(1000)
  thresholdPercent: number = 20;

  /** How long it is watched after a restore. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(720)
  hours: number = 24;
}

/** A server to back up or repair: of PostgreSQL, or of MariaDB. */
export class TargetSpec extends NamedTarget {
  /** Host name, address, or the absolute path of a socket folder (of MariaDB: of the socket). */
  @IsString()
  @Matches(/^(?:\/[^\s=,'"\\]{0,254}|[^\s=,'"\\/@?#]{1,255})$/, {
    message: 'host must be one host name, address or socket folder',
  })
  host!: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(65535)
  port: number = 5432;

  @IsOptional()
  @IsString()
  @Matches(/^[^\p{Cc}]{1,63}$/u, { message: '$property must be 1 to 63 printable characters' })
  user: string = 'postgres';

  /** Database for the first connection. PostgreSQL only. */
  @IsOptional()
  @IsString()
  @Matches(/^[^\p{Cc}]{1,63}$/u, { message: '$property must be 1 to 63 printable characters' })
  database: string = 'postgres';

  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `password ${SECRET_MESSAGE}` })
  password?: string;

  @IsOptional()
  @IsIn(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'])
  sslMode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' = 'prefer';

  /** CA certificate file, for `verify-ca` and `verify-full`. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  sslRootCert?: string;

  /** Has its performance looked at; `{}` for the defaults. PostgreSQL only. */
  @IsOptional()
  @ValidateNested()
  @Type(() => BaselineSpec)
  baseline?: BaselineSpec;
}

/** The same, with what is usual for MariaDB. */
export class MariadbTargetSpec extends TargetSpec {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(65535)
  override port: number = 3306;

  @IsOptional()
  @IsString()
  @Matches(/^[^\p{Cc}]{1,80}$/u, { message: '$property must be 1 to 80 printable characters' })
  override user: string = 'root';
}

/** A folder of the worker's machine, with all that is below it. */
export class FilesTargetSpec extends NamedTarget {
  @IsString()
  @MaxLength(4_000)
  @Matches(/^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+\/?)$/, { message: 'path must be absolute, without . and ..' })
  path!: string;

  /** Globs, relative to the folder: what matches is left out, a folder with all that is in it. */
  @IsOptional()
  @IsArray()
  @Matches(/^(?!(?:.*\/)?\.{1,2}(?:\/|$))[^/\0][^\0]{0,999}$/s, {
    each: true,
    message: 'exclude must be globs relative to the folder, such as cache/** or **/*.tmp',
  })
  exclude: string[] = [];

  /** Whether it goes on into other file systems that are mounted below the folder. */
  @IsOptional()
  @IsBoolean()
  crossFilesystems: boolean = false;
}

/** Configuration files of the worker's machine, and settings of servers: text, whose secrets are masked before it is stored anywhere. */
export class ConfigurationTargetSpec extends NamedTarget {
  /** Files, folders with all that is below them, and globs of both. */
  @ValidateIf(
    ({ servers, paths }: ConfigurationTargetSpec) =>
      paths?.length > 0 || !Array.isArray(servers) || servers.length === 0,
  )
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(1_000)
  @Matches(/^\/(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\0]{1,3999}$/s, {
    each: true,
    message: 'paths must be absolute, without . and .., such as /etc/mysql or /etc/postgresql/*/main/*.conf',
  })
  paths: string[] = [];

  /** Names of targets: the settings that their servers run with now, wherever they come from. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @IsNotEmpty({ each: true })
  servers: string[] = [];

  /** Globs of whole paths: what matches is left out, a folder with all that is in it. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1_000)
  @Matches(/^[^\0]{1,1000}$/s, { each: true, message: 'exclude must be globs such as **/*.bak or /etc/mysql/ssl/**' })
  exclude: string[] = [];

  /** What is secret besides what the built-in rules find: the first group of the pattern, or all that it matches. */
  @IsOptional()
  @ArePatterns()
  mask: string[] = [];

  /** A larger file is named, and not stored. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(16_384)
  maxFileKilobytes: number = 1_024;
}

/** The objects of a bucket of Amazon S3, or of another provider that speaks its protocol. */
export class S3TargetSpec extends S3AccessSpec {
  @Matches(NAME, { message: `name ${NAME_MESSAGE}` })
  name!: string;

  @IsIn(TARGET_KINDS)
  kind!: TargetKind;

  /** Only what is below it, like a folder. */
  @IsOptional()
  @IsString()
  @MaxLength(900)
  @Matches(/^[^/\0](?:[^\0]*[^/\0])?$/s, { message: 'prefix must not begin or end with a slash' })
  prefix?: string;

  /** Globs, relative to the prefix: objects whose keys match are left out. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1_000)
  @Matches(/^[^\0]{1,1000}$/s, { each: true, message: 'exclude must be globs such as cache/** or **/*.tmp' })
  exclude: string[] = [];
}

/** Whatever can be backed up. */
export type AnyTargetSpec = TargetSpec | FilesTargetSpec | ConfigurationTargetSpec | S3TargetSpec;

const TARGET_CLASSES: Readonly<Record<TargetKind, new () => AnyTargetSpec>> = {
  postgres: TargetSpec,
  mariadb: MariadbTargetSpec,
  files: FilesTargetSpec,
  configuration: ConfigurationTargetSpec,
  s3: S3TargetSpec,
};

/** What a target of a kind has to say; of an unknown kind, what one of PostgreSQL has to. */
export function targetClass(kind: unknown): new () => AnyTargetSpec {
  return Object.hasOwn(TARGET_CLASSES, String(kind)) ? TARGET_CLASSES[kind as TargetKind] : TargetSpec;
}

/** Whether it is a server with databases. */
export function isServerTarget(target: AnyTargetSpec): target is TargetSpec {
  return target.kind === 'postgres' || target.kind === 'mariadb';
}

export function isFilesTarget(target: AnyTargetSpec): target is FilesTargetSpec {
  return target.kind === 'files';
}

export function isConfigurationTarget(target: AnyTargetSpec): target is ConfigurationTargetSpec {
  return target.kind === 'configuration';
}

export function isS3Target(target: AnyTargetSpec): target is S3TargetSpec {
  return target.kind === 's3';
}

/** How people call the place of objects. */
export function objectsLocation({ bucket, prefix }: Pick<S3TargetSpec, 'bucket' | 'prefix'>): string {
  return `s3://${bucket}${prefix === undefined ? '' : `/${prefix}`}`;
}

/** Targets of all kinds; which one, `kind` tells. */
export function AreTargets(): PropertyDecorator {
  const type = Type(() => TargetSpec, {
    discriminator: {
      property: 'kind',
      subTypes: Object.entries(TARGET_CLASSES).map(([name, value]) => ({ name, value })),
    },
    keepDiscriminatorProperty: true,
  });
  return (target, property) => {
    type(target, property);
    ValidateNested({ each: true })(target, property);
  };
}
