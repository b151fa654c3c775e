import { HozenError } from '@hozen/contracts';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { corrupt } from '../artefact/artefact-file.js';
import { ROLES } from '../methods/postgres-logical/dump-globals.js';
import { encodingOf, QUOTABLE_NAME as NAME, statementsIn } from './sql-statements.js';

/** One statement of `pg_dumpall --roles-only` that says something of roles. */
export interface RoleStatement {
  kind: 'create' | 'alter' | 'comment' | 'grant' | 'label';
  /** Of a membership both. */
  roles: string[];
  sql: string;
}

/** The only statements that are taken from a dump; all else in it is passed over. */
const KINDS: readonly (readonly [RoleStatement['kind'], RegExp])[] = [
  ['create', new RegExp(`^CREATE ROLE ${NAME}$`)],
  ['alter', new RegExp(`^ALTER ROLE ${NAME} (?:WITH|SET) `)],
  ['comment', new RegExp(`^COMMENT ON ROLE ${NAME} IS `)],
  ['grant', new RegExp(`^GRANT ${NAME} TO ${NAME}(?: |$)`)],
  ['label', new RegExp(`^SECURITY LABEL FOR ${NAME.replace('(', '(?:')} ON ROLE ${NAME} IS `)],
];

/** @throws HozenError ARTEFACT_CORRUPT, RESTORE_IMPOSSIBLE for names in another encoding */
export async function storedRoles(file: ArtefactFile): Promise<RoleStatement[]> {
  const sql = await file.readFile(ROLES);
  try {
    return roleStatements(sql);
  } catch (error) {
    if (error instanceof RangeError) throw corrupt(file.path, `${ROLES}: ${error.message}`, error);
    throw error;
  }
}

/** @throws RangeError where it is not what pg_dumpall writes */
export function roleStatements(dump: Buffer): RoleStatement[] {
  const text = textOf(dump);
  return [...statementsIn(text)].flatMap((sql) => {
    for (const [kind, pattern] of KINDS) {
      const found = pattern.exec(sql);
      if (found) return [{ kind, roles: found.slice(1).map(unquoted), sql }];
    }
    return [];
  });
}

function textOf(dump: Buffer): string {
  const encoding = encodingOf(dump);
  if (encoding !== 'UTF8' && dump.some((byte) => byte > 0x7e)) {
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: '', what: `names of roles are in the encoding ${encoding}` });
  }
  return dump.toString('utf8');
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
