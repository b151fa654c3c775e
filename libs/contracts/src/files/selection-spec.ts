import { ArrayMaxSize, ArrayNotEmpty, IsArray, IsOptional, registerDecorator } from 'class-validator';
import { parseNamePattern, type NamedKind, type NamePattern } from './name-pattern.js';

const MOST = 1000;

/**
 * Every one a pattern of pg_dump for what is named so.
 * @param options `inDatabase`: of a database that is named elsewhere
 */
export function AreNamePatterns(kind: NamedKind, { inDatabase = false } = {}): PropertyDecorator {
  const faultOf = (text: string) => {
    const parsed = parseNamePattern(text, kind);
    return inDatabase && typeof parsed === 'object' && parsed.database !== undefined ? 'must have no colon' : parsed;
  };
  const faultsOf = (value: unknown) =>
    (Array.isArray(value) ? value : []).flatMap((each: unknown) => {
      const parsed = typeof each === 'string' ? faultOf(each) : 'must be text';
      return typeof parsed === 'string' ? [`${JSON.stringify(each)} ${parsed}`] : [];
    });
  return (target, property) => {
    IsOptional()(target, property);
    IsArray()(target, property);
    ArrayNotEmpty()(target, property);
    ArrayMaxSize(MOST)(target, property);
    registerDecorator({
      name: 'areNamePatterns',
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value: unknown) => faultsOf(value).length === 0,
        defaultMessage: (about) => faultsOf(about?.value).join('; '),
      },
    });
  };
}

/** The parts of a PostgreSQL server that a dump has, by names or patterns of pg_dump; without one, all of that kind. */
export class InclusionSpec {
  @AreNamePatterns('database')
  databases?: string[];

  /** With all that is in them. */
  @AreNamePatterns('schema')
  schemas?: string[];

  /** With their partitions, and the definitions that they need. */
  @AreNamePatterns('table')
  tables?: string[];
}

/** The parts that it does not have, whatever is included. */
export class ExclusionSpec extends InclusionSpec {
  /** Tables of which it has the definition, and no rows. */
  @AreNamePatterns('table')
  rows?: string[];
}

/** What a config says of the parts of a server. */
export interface PartsSpec {
  include?: InclusionSpec | undefined;
  exclude?: ExclusionSpec | undefined;
}

/** The patterns of a config, by what they are for. */
export interface PartsPatterns {
  include: Record<'databases' | 'schemas' | 'tables', NamePattern[]>;
  exclude: Record<'databases' | 'schemas' | 'tables' | 'rows', NamePattern[]>;
}

/** @throws RangeError for what was never validated */
export function patternsOf({ include, exclude }: PartsSpec): PartsPatterns {
  return {
    include: {
      databases: patterns(include?.databases, 'database'),
      schemas: patterns(include?.schemas, 'schema'),
      tables: patterns(include?.tables, 'table'),
    },
    exclude: {
      databases: patterns(exclude?.databases, 'database'),
      schemas: patterns(exclude?.schemas, 'schema'),
      tables: patterns(exclude?.tables, 'table'),
      rows: patterns(exclude?.rows, 'table'),
    },
  };
}

function patterns(texts: readonly string[] | undefined, kind: NamedKind): NamePattern[] {
  return (texts ?? []).map((text) => {
    const parsed = parseNamePattern(text, kind);
    if (typeof parsed === 'string') throw new RangeError(`${JSON.stringify(text)} ${parsed}`);
    return parsed;
  });
}

/** Whether the config leaves anything out. */
export function isPart({ include, exclude }: PartsSpec): boolean {
  return [include, exclude].some((spec) => spec && Object.values(spec).some((value) => value !== undefined));
}
