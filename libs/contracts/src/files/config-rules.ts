import { registerDecorator, type ValidationArguments } from 'class-validator';
import { BACKUP_LEVELS, METHOD_LEVELS, type BackupLevel, type BackupMethod } from '../words.js';
import type { InclusionSpec } from './selection-spec.js';
import { isSamePlace, type StorageSpec } from './storage-spec.js';

/** What the rules look at beside the property that they stand at. */
interface RuledConfig {
  method: BackupMethod;
  storage: StorageSpec;
  walArchive?: StorageSpec;
  include?: object;
  exclude?: object;
}

/** Not the place of the config's first storage. */
export function IsAnotherPlace() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isAnotherPlace',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (place: StorageSpec, { object }: ValidationArguments) =>
          !isSamePlace(place, (object as RuledConfig).storage),
        defaultMessage: () => `${propertyName} must be another place than storage`,
      },
    });
  };
}

/** Needs a place to put it. */
export function NeedsWalArchive() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'needsWalArchive',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (on: unknown, { object }: ValidationArguments) =>
          on !== true || (object as RuledConfig).walArchive !== undefined,
        defaultMessage: () => `${propertyName} needs a walArchive`,
      },
    });
  };
}

/** Of configs that log a PostgreSQL server. */
export function IsOfWal() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isOfWal',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (_place: StorageSpec, { object }: ValidationArguments) =>
          (object as RuledConfig).method === 'postgres-wal',
        defaultMessage: () => `${propertyName} belongs to configs of the method postgres-wal`,
      },
    });
  };
}

/** A level that the method beside it makes. */
export function IsLevelOfMethod() {
  return (target: object, propertyName: string) => {
    const levelsOf = (config: object) => METHOD_LEVELS[(config as RuledConfig).method] ?? BACKUP_LEVELS;
    registerDecorator({
      name: 'isLevelOfMethod',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (level: BackupLevel, { object }: ValidationArguments) => levelsOf(object).includes(level),
        defaultMessage: ({ object }: ValidationArguments) =>
          `level of method ${(object as RuledConfig).method} must be one of: ${levelsOf(object).join(', ')}`,
      },
    });
  };
}

/** SQL is written of whole PostgreSQL servers; everything else has one format. */
export function IsOfWholeDump() {
  return (target: object, propertyName: string) => {
    registerDecorator({
      name: 'isOfWholeDump',
      target: target.constructor,
      propertyName,
      validator: {
        validate: (format: unknown, { object }: ValidationArguments) => {
          const { method, include, exclude } = object as RuledConfig;
          return format !== 'sql' || (method === 'postgres-logical' && include === undefined && exclude === undefined);
        },
        defaultMessage: () =>
          `${propertyName} sql is for the method postgres-logical, and for whole servers: without include and exclude`,
      },
    });
  };
}

/** Parts of a server can be named where it is dumped, and by schema or by table: pg_dump passes over schemas where tables are named. */
export function IsOfDump() {
  return (target: object, propertyName: string) => {
    const isDump = (config: object) => (config as RuledConfig).method === 'postgres-logical';
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
