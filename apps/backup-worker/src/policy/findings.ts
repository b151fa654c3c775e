import type { PolicyFinding, PolicyKind } from '@hozen/contracts';
import type { TocEntry } from '../pipeline/custom-format.js';
import { bareCode, statementsOf } from './bare-code.js';

/** What a backup would bring that may do more than hold data. */
export type Finding = Pick<PolicyFinding, 'kind' | 'name' | 'where'>;

/** What the server says of itself, as far as the policy asks. */
export interface PolicyServer {
  /** Extensions that the server lets everybody make who owns a database. */
  trusted: ReadonlySet<string>;
  /** Roles that may do anything: of the server, and of the backup. */
  superusers: ReadonlySet<string>;
}

const NAME = String.raw`((?:U&)?"(?:[^"]|"")+"|[^\s"(),;]+)`;

/** Wherever they stand in a statement, the name that follows them is what is found. */
const IN_CODE: readonly (readonly [PolicyKind, RegExp])[] = (
  [
    ['extension', String.raw`\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?${NAME}`],
    ['language', String.raw`\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:PROCEDURAL\s+)?LANGUAGE\s+${NAME}`],
    ['event-trigger', String.raw`\bCREATE\s+EVENT\s+TRIGGER\s+${NAME}`],
    ['publication', String.raw`\bCREATE\s+PUBLICATION\s+${NAME}`],
    ['subscription', String.raw`\bCREATE\s+SUBSCRIPTION\s+${NAME}`],
    ['foreign-server', String.raw`\bCREATE\s+FOREIGN\s+DATA\s+WRAPPER\s+${NAME}`],
    ['foreign-server', String.raw`\bCREATE\s+SERVER\s+(?:IF\s+NOT\s+EXISTS\s+)?${NAME}`],
    ['foreign-server', String.raw`\bCREATE\s+USER\s+MAPPING\s+(?:IF\s+NOT\s+EXISTS\s+)?FOR\s+\S+\s+SERVER\s+${NAME}`],
    ['role', String.raw`\b(?:CREATE|ALTER)\s+(?:ROLE|USER)\s+${NAME}[^;]*\b(?:SUPERUSER|REPLICATION|BYPASSRLS)\b`],
    [
      'role',
      String.raw`\bGRANT\s+"?(pg_(?:execute_server_program|read_server_files|write_server_files)|pg_checkpoint)"?\s`,
    ],
    ['setting', String.raw`\bALTER\s+SYSTEM\s+(?:RE)?SET\s+${NAME}`],
    [
      'setting',
      String.raw`\bSET\s+(?:SESSION\s+|LOCAL\s+)?"?((?:session|local|shared)_preload_libraries|dynamic_library_path|archive_(?:command|library)|restore_command|ssl_passphrase_command|jit_provider|U&"[^"]*)`,
    ],
    ['setting', String.raw`\b(LOAD)\s+''`],
  ] as const
).map(([kind, pattern]) => [kind, new RegExp(pattern, 'gi')]);

/** In functions too, whose bodies are text. Who builds such words out of pieces is not found by looking. */
const ANYWHERE = /\bCOPY\b[^;]*?\b(PROGRAM)\b|\b(pg_(?:read_(?:binary_)?file|ls_dir|file_write)|lo_(?:im|ex)port)\b/gi;

/** Where these are not as pg_dump writes them, quotes end elsewhere than they seem to. */
const OTHER_QUOTES =
  /\bstandard_conforming_strings\b(?!\s*=\s*'on')|\bclient_encoding\W+(?:SJIS|SHIFT_JIS|BIG5|GBK|UHC|GB18030|JOHAB)/i;

/** What pg_dump writes begins so. */
const WRITTEN =
  /^(?:CREATE|ALTER|COMMENT|GRANT|REVOKE|SET|RESET|SECURITY\s+LABEL|REFRESH|SELECT\s+pg_catalog\.(?:set_config|setval|lo_create|lo_open|lowrite|lo_close)\(|SELECT\s+\*\s+FROM\s+pg_catalog\.pg_restore_\w+_stats\()/i;

const OF_FUNCTIONS = /^(?:FUNCTION|PROCEDURE|AGGREGATE)$/;

/** Of one definition of a database, whatever it says that it is. */
export function findingsOf(entry: TocEntry, database: string, server: PolicyServer): Finding[] {
  const what = `${entry.desc} ${entry.namespace ? `${entry.namespace}.` : ''}${entry.tag}`;
  const found = inText(entry.defn ?? '', OF_FUNCTIONS.test(entry.desc) ? entry.tag : what, server, entry.owner);
  // The data of a table comes by a statement of its own, which pg_restore executes as it stands.
  const copy = entry.copyStmt?.trim() ?? '';
  const isCopy =
    copy === '' ||
    /^COPY [^;]* FROM stdin(?: WITH \(FREEZE\))?;$/.test(bareCode(copy).replace(/"(?:[^"]|"")*"/g, 'name'));
  return [...found, ...(isCopy ? [] : [{ kind: 'statement' as const, name: what }])].map((each) => ({
    ...each,
    where: database,
  }));
}

/**
 * Of any text of a backup that a server is to execute.
 * @param what it is, for what has no name
 */
export function inText(
  sql: string,
  what: string,
  { trusted, superusers }: PolicyServer,
  owner: string | null = null,
): Omit<Finding, 'where'>[] {
  const code = bareCode(sql);
  const found: Omit<Finding, 'where'>[] = [];
  for (const [kind, pattern] of IN_CODE) {
    for (const [, name = ''] of code.matchAll(pattern)) {
      const plain = unquoted(name);
      if (kind !== 'extension' || !trusted.has(plain)) found.push({ kind, name: plain });
    }
  }
  for (const [word] of sql.matchAll(ANYWHERE)) {
    found.push({ kind: /^COPY/i.test(word) ? 'program' : 'server-file', name: what });
  }
  if (OTHER_QUOTES.test(sql)) found.push({ kind: 'statement', name: what });
  if (/\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b/i.test(code)) {
    if (/\bLANGUAGE\s+(?:"?(?:c|internal)"?(?![\w$"])|'')/i.test(code)) found.push({ kind: 'function-c', name: what });
    const isDefiner = /\bSECURITY\s+DEFINER\b/i.test(code);
    if (isDefiner && owner !== null && superusers.has(owner)) found.push({ kind: 'security-definer', name: what });
  }
  // The body of a function in standard SQL has statements of its own, which the server does not execute now.
  const isWritten = /\bBEGIN\s+ATOMIC\b/i.test(code) || statementsOf(code).every((each) => WRITTEN.test(each));
  if (!isWritten) found.push({ kind: 'statement', name: what });
  return found;
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}
