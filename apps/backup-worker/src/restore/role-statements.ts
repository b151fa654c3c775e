import { HozenError } from '@hozen/contracts';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { corrupt } from '../artefact/artefact-file.js';
import { ROLES } from '../methods/postgres-logical/dump-globals.js';

/** One statement of `pg_dumpall --roles-only` that says something of roles. */
export interface RoleStatement {
  kind: 'create' | 'alter' | 'comment' | 'grant' | 'label';
  /** Of a membership both. */
  roles: string[];
  sql: string;
}

const NAME = String.raw`("(?:[^"]|"")+"|[^\s";]+)`;

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
  return statementsIn(text).flatMap((sql) => {
    for (const [kind, pattern] of KINDS) {
      const found = pattern.exec(sql);
      if (found) return [{ kind, roles: found.slice(1).map(unquoted), sql }];
    }
    return [];
  });
}

function textOf(dump: Buffer): string {
  const encoding = /^SET client_encoding = '(\w+)';$/m.exec(dump.toString('latin1'))?.[1] ?? 'UTF8';
  if (encoding !== 'UTF8' && dump.some((byte) => byte > 0x7e)) {
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: '', what: `names of roles are in the encoding ${encoding}` });
  }
  return dump.toString('utf8');
}

/** Without comments and psql's own commands, at semicolons that are in no quotes. */
function statementsIn(text: string): string[] {
  const statements: string[] = [];
  let statement = '';
  for (let at = 0; at < text.length;) {
    const isStart = statement.trim() === '';
    const character = text[at] ?? '';
    if (isStart && (character === '\\' || text.startsWith('--', at))) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end + 1;
    } else if (character === "'" || character === '"') {
      const end = endOfQuote(text, at);
      statement += text.slice(at, end);
      at = end;
    } else if (character === ';') {
      statements.push(statement.trim());
      statement = '';
      at += 1;
    } else {
      statement += character;
      at += 1;
    }
  }
  if (statement.trim() !== '') throw new RangeError('it ends within a statement');
  return statements;
}

/** Behind the quote that ends what begins at `at`. */
function endOfQuote(text: string, at: number): number {
  const quote = text[at] ?? '';
  const hasEscapes = quote === "'" && /(?:^|[^\w])E$/i.test(text.slice(Math.max(0, at - 2), at));
  for (let end = at + 1; end < text.length; end++) {
    if (hasEscapes && text[end] === '\\') end += 1;
    else if (text[end] === quote && text[end + 1] === quote) end += 1;
    else if (text[end] === quote) return end + 1;
  }
  throw new RangeError('a quote does not end');
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
