import type { PolicyKind } from '@hozen/contracts';
import type { Finding } from '../findings.js';
import { isOneStatement } from './one-statement.js';
import type { DumpStatement } from './statement-reader.js';

export interface StatementRules {
  /** `user@host` of accounts with rights over the whole server; undefined where nobody can tell. */
  privileged: ReadonlySet<string> | undefined;
  /** Whether it comes from the script of accounts, which makes them and gives them rights. */
  ofAccounts: boolean;
}

type Found = Omit<Finding, 'where'>;

const NAME = '(`(?:[^`]|``)*`|[\\w$.%-]+)';
const ACCOUNT = `${NAME}(?:\\s*@\\s*${NAME})?`;
/** In normal form: one space, and every name the same. */
const N = '`n`';
const BY = `DEFINER ?= ?${N}(?: ?@ ?${N})? `;

/** Wherever they stand, and in programs too; the name that follows is what is found. */
const IN_CODE: readonly (readonly [PolicyKind, RegExp])[] = (
  [
    ['plugin', `\\bINSTALL\\s+(?:PLUGIN\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${NAME}|(SONAME)\\b)`],
    [
      'function-c',
      `\\bFUNCTION\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${NAME}\\s+RETURNS\\s+(?:STRING|INTEGER|INT|REAL|DECIMAL)\\s+SONAME\\b`,
    ],
    ['event', `\\bEVENT\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${NAME}\\s+ON\\s+SCHEDULE\\b`],
    ['foreign-server', `\\bCREATE\\s+(?:OR\\s+REPLACE\\s+)?SERVER\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${NAME}`],
    ['foreign-server', `\\bENGINE\\s*=?\\s*(?:\`|"|'')?(FEDERATEDX?|CONNECT|SPIDER|S3|MROONGA|SPHINX)\\b`],
    ['foreign-server', `\\bENGINE\\s*=?\\s*('')`],
    ['foreign-server', `\\b(CONNECTION)\\s*=\\s*''`],
    ['subscription', `\\b(CHANGE\\s+MASTER|START\\s+(?:ALL\\s+)?(?:SLAVE|REPLICA)S?)\\b`],
    ['role', `\\b(?:CREATE|ALTER)\\s+(?:OR\\s+REPLACE\\s+)?USER\\s+(?:IF\\s+(?:NOT\\s+)?EXISTS\\s+)?${ACCOUNT}`],
    ['role', `(?:\`mysql\`|\\bmysql)\\s*\\.\\s*${NAME}`],
    ['role', `^\\s*USE\\s+(\`(?:mysql|sys)\`|(?:mysql|sys)\\b)`],
    ['role', `\\b(SET\\s+PASSWORD)\\b`],
    ['setting', `(?:\\bGLOBAL\\s+|@@GLOBAL\\s*\\.\\s*)${NAME}\\s*:?=`],
  ] as const
).map(([kind, pattern]) => [kind, new RegExp(pattern, 'gi')]);

/** Of whatever reads or writes files where the server runs, or the client. */
const OF_FILES =
  /\bLOAD\s+(?:DATA|XML)\b|\bINTO\s+(?:OUTFILE|DUMPFILE)\b|\bload_file\s*\(|\b(?:DATA|INDEX)\s+DIRECTORY\b/i;

/** The client that restores here takes none of them; another one would. */
const OF_CLIENT =
  /\\|^(?:system|source|tee|pager|nopager|edit|connect|charset|sandbox|rehash|resetconnection)(?!\s*[=(.])(?:\s|$)/i;

/** Where these are set, quotes end elsewhere than they seem to, or programs have another grammar; `?` is unknown. */
const OTHER_QUOTES = /ANSI|NO_BACKSLASH|ORACLE|MSSQL|DB2|MAXDB|POSTGRESQL|^\?$/i;
/** In these no byte of a longer character is one of ASCII. */
const BYTES = String.raw`(?:utf8\w*|latin\d|binary|ascii|cp12\d\d|cp8\d\d|koi8\w|greek|hebrew|ujis|eucjpms)`;

const CLIENT_BYTES = 'CHARACTER_SET_(?:CLIENT|RESULTS)';
const SETTING = `(?:${CLIENT_BYTES}|COLLATION_CONNECTION|TIME_ZONE|UNIQUE_CHECKS|FOREIGN_KEY_CHECKS|SQL_MODE|SQL_NOTES|AUTOCOMMIT)`;
const SAVED = '@(?:OLD|saved?)_\\w+';
const ASSIGNED = `(?:(?:SESSION )?(?:${[
  `${SETTING} ?= ?${SAVED}`,
  `${CLIENT_BYTES} ?= ?${BYTES}`,
  `(?:SQL_MODE|TIME_ZONE|COLLATION_CONNECTION) ?= ?''`,
  'COLLATION_CONNECTION ?= ?\\w+',
  '(?:UNIQUE_CHECKS|FOREIGN_KEY_CHECKS|CHECK_CONSTRAINT_CHECKS|SQL_NOTES|AUTOCOMMIT) ?= ?[01]',
].join('|')})|${SAVED} ?= ?@@${SETTING})`;
const SETTINGS = whole(`SET (?:NAMES ${BYTES}|${ASSIGNED}(?: ?, ?${ASSIGNED})*)`);

/** What mariadb-dump and mysqldump write, and what we do, in normal form. */
const WRITTEN: readonly RegExp[] = [
  `USE ${N}`,
  `DROP (?:TABLE|VIEW|SEQUENCE|PROCEDURE|FUNCTION|TRIGGER|EVENT|PACKAGE|PACKAGE BODY) IF EXISTS ${N}`,
  `CREATE DATABASE (?:IF NOT EXISTS )?${N}(?: (?:DEFAULT )?CHARACTER SET \\w+)?(?: COLLATE \\w+)?(?: COMMENT '')?`,
  `CREATE TABLE (?:IF NOT EXISTS )?${N} \\((?!.*\\b(?:SELECT|VALUES (?!LESS THAN|IN))\\b)[^;]*`,
  `CREATE SEQUENCE (?:IF NOT EXISTS )?${N}(?: [\\w=-]+)*`,
  `(?:DO|SELECT) SETVAL\\( ?${N}, ?-?\\d+, ?\\d+(?:, ?\\d+)? ?\\)`,
  `LOCK TABLES ${N} (?:LOCAL )?WRITE`,
  `UNLOCK TABLES`,
  `COMMIT`,
  `ALTER TABLE ${N} (?:DISABLE|ENABLE) KEYS`,
  `ANALYZE TABLE ${N} UPDATE HISTOGRAM ON ${N}(?:, ?${N})* WITH \\d+ BUCKETS`,
  `ALTER DATABASE ${N} CHARACTER SET \\w+ COLLATE \\w+`,
  `INSERT INTO ${N}(?: \\(${N}(?:, ?${N})*\\))? VALUES \\(\\)`,
  // In the place of a view until those are there which it needs.
  `CREATE VIEW ${N} AS SELECT (?:1|NULL) AS ${N}(?: ?, ?(?:1|NULL) AS ${N})*`,
  `CREATE (?:ALGORITHM ?= ?\\w+ )?${BY}SQL SECURITY (?:DEFINER|INVOKER) VIEW ${N}(?: \\([^()]*\\))? AS [^;]*`,
].map(whole);

const OF_ACCOUNTS: readonly RegExp[] = [
  'CREATE (?:ROLE|USER) IF NOT EXISTS [^;]*',
  'GRANT [^;]*',
  'SET DEFAULT ROLE [^;]*',
  'ALTER USER `n`@`n` DEFAULT ROLE [^;]*',
  'REVOKE [^;]*',
].map(whole);

const TYPE = String.raw`\w+(?: ?\([^()]*\))?(?: (?:UNSIGNED|SIGNED|ZEROFILL|BINARY|(?:CHARSET|CHARACTER SET|COLLATE) \w+))*`;
const TRAIT = String.raw`(?:LANGUAGE SQL|(?:NOT )?DETERMINISTIC|CONTAINS SQL|NO SQL|(?:READS|MODIFIES) SQL DATA|SQL SECURITY (?:DEFINER|INVOKER)|COMMENT '')`;
const ROUTINE = new RegExp(`^CREATE ${BY}(?:AGGREGATE )?(?:PROCEDURE|FUNCTION) ${N} ?(?=\\()`, 'i');
const TRAITS = new RegExp(`^ ?(?:RETURNS ${TYPE} )?((?:${TRAIT} )*)`, 'i');
const TRIGGER = new RegExp(
  `^CREATE ${BY}TRIGGER ${N} (?:BEFORE|AFTER) (?:INSERT|UPDATE|DELETE) ON ${N} FOR EACH ROW (?:(?:FOLLOWS|PRECEDES) ${N} )?`,
  'i',
);
const EVENT = new RegExp(
  `^CREATE ${BY}EVENT ${N} ON SCHEDULE (?:AT ''|EVERY (?:\\d+|'') \\w+(?: STARTS '')?(?: ENDS '')?) ON COMPLETION (?:NOT )?PRESERVE (?:ENABLE|DISABLE(?: ON (?:SLAVE|REPLICA))?) (?:COMMENT '' )?DO `,
  'i',
);

const DEFINED = new RegExp(
  `\\b(TABLE|VIEW|PROCEDURE|FUNCTION|TRIGGER|EVENT|SEQUENCE|DATABASE)\\s+(?:IF\\s+(?:NOT\\s+)?EXISTS\\s+)?${NAME}`,
  'i',
);
const DEFINER = new RegExp(`\\bDEFINER\\s*=\\s*${ACCOUNT}`, 'i');
const RUNS_AS_DEFINER = /^CREATE\b[^(]*?\b(?:VIEW|PROCEDURE|FUNCTION|TRIGGER|EVENT|PACKAGE)\b/i;
const GIVEN_GLOBALLY = new RegExp(`^GRANT (.*) ON (?:\\* ?\\. ?\\*|\`mysql\`) ?.*? TO ${ACCOUNT}`, 'i');
const LONGEST_NAME = 60;
const LONGEST_GRANT = 20_000;

/** Of one statement of a dump of MariaDB. */
export function findingsOfStatement(
  { code, strings, unclear }: DumpStatement,
  { privileged, ofAccounts }: StatementRules,
): Found[] {
  const plain = code
    .replace(/`(?:[^`]|``)*`/g, N)
    .replace(/\s+/g, ' ')
    .trim();
  const what = nameOf(code, plain);
  const found: Found[] = [];
  if (unclear !== undefined) found.push({ kind: 'ambiguous', name: `${what}: ${unclear}` });
  if (isReadOtherwise(plain, strings)) found.push({ kind: 'ambiguous', name: what });
  const isOfAccounts = ofAccounts && OF_ACCOUNTS.some((each) => each.test(plain));
  if (isOfAccounts) return [...found, ...givenBy(code)];
  for (const [kind, pattern] of IN_CODE) {
    for (const [, first, second] of code.matchAll(pattern)) {
      const host = kind === 'role' && second !== undefined ? `@${unquoted(second)}` : '';
      found.push({ kind, name: first === undefined ? (strings[0] ?? what) : unquoted(first) + host });
    }
  }
  if (/\b(?:GRANT|REVOKE)\s/i.test(plain)) found.push({ kind: 'role', name: what });
  if (OF_FILES.test(code)) found.push({ kind: 'server-file', name: what });
  const isOfClient = OF_CLIENT.test(plain);
  if (isOfClient) found.push({ kind: 'client-command', name: what });
  const isPlaceholder = /^CREATE VIEW `n` AS SELECT (?:1|NULL) AS/i.test(plain) && isWritten(plain);
  if (RUNS_AS_DEFINER.test(plain) && !isPlaceholder && !isOfInvoker(plain)) {
    const definer = definerOf(code);
    if (definer === undefined || !privileged || privileged.has(definer)) {
      found.push({ kind: 'security-definer', name: what });
    }
  }
  if (!isOfClient && !isWritten(plain)) found.push({ kind: 'statement', name: what });
  return found;
}

/** `user@host` of an account that gets rights over the whole server; undefined where it does not. */
export function privilegedBy({ code }: DumpStatement): string | undefined {
  return givenBy(code)[0]?.name;
}

/** Whether a GRANT gives rights over the whole server. */
export function grantsGlobally(sql: string): boolean {
  return givenBy(sql).length > 0;
}

function givenBy(code: string): Found[] {
  if (code.length > LONGEST_GRANT) return [{ kind: 'role', name: `${code.slice(0, LONGEST_NAME)}…` }];
  const [, rights = '', user, host] = GIVEN_GLOBALLY.exec(code.replace(/\s+/g, ' ')) ?? [];
  if (user === undefined || (rights.trim().toUpperCase() === 'USAGE' && !/WITH GRANT OPTION/i.test(code))) return [];
  return [{ kind: 'role', name: accountOf(user, host) }];
}

function isReadOtherwise(plain: string, strings: readonly string[]): boolean {
  if (/\\[Cd]/.test(plain)) return true;
  if (!/^SET .*\b(?:NAMES|CHARACTER|CHARSET|CHARACTER_SET_CLIENT|SQL_MODE)\b/i.test(plain)) return false;
  return !SETTINGS.test(plain) || strings.some((each) => OTHER_QUOTES.test(each));
}

function isWritten(plain: string): boolean {
  if (SETTINGS.test(plain) || WRITTEN.some((each) => each.test(plain))) return true;
  const body = routineOf(plain)?.body ?? bodyAfter(plain, TRIGGER) ?? bodyAfter(plain, EVENT);
  return body !== undefined && isOneStatement(body);
}

function bodyAfter(plain: string, head: RegExp): string | undefined {
  const [found] = head.exec(plain) ?? [];
  return found === undefined ? undefined : plain.slice(found.length);
}

/** What stands between the parameters of a procedure or a function and its body, and that. */
function routineOf(plain: string): { traits: string; body: string } | undefined {
  const parameters = bodyAfter(plain, ROUTINE);
  if (parameters === undefined) return undefined;
  let depth = 0;
  for (const { 0: mark, index } of parameters.matchAll(/[()]/g)) {
    depth += mark === '(' ? 1 : -1;
    if (depth > 0) continue;
    const rest = parameters.slice(index + 1);
    const [head, traits = ''] = TRAITS.exec(rest) ?? [''];
    return { traits, body: rest.slice(head.length) };
  }
  return undefined;
}

/** It has the rights of who uses it, and no others. */
function isOfInvoker(plain: string): boolean {
  const isView = new RegExp(`^CREATE (?:ALGORITHM ?= ?\\w+ )?(?:${BY})?SQL SECURITY INVOKER VIEW `, 'i').test(plain);
  return isView || /SQL SECURITY INVOKER/i.test(routineOf(plain)?.traits ?? '');
}

/** Undefined where it is whoever restores. */
function definerOf(code: string): string | undefined {
  const [, user, host] = DEFINER.exec(code) ?? [];
  return user === undefined || /^CURRENT_/i.test(user) ? undefined : accountOf(user, host);
}

function accountOf(user: string, host?: string): string {
  return host === undefined ? unquoted(user) : `${unquoted(user)}@${unquoted(host)}`;
}

function nameOf(code: string, plain: string): string {
  const [, kind, name] = DEFINED.exec(code.slice(0, 2000)) ?? [];
  if (kind !== undefined && name !== undefined && /^(?:CREATE|DROP|ALTER)\b/i.test(plain)) {
    return `${kind.toUpperCase()} ${unquoted(name)}`;
  }
  const line = code.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_NAME ? `${line.slice(0, LONGEST_NAME)}…` : line;
}

function unquoted(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name;
}

function whole(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`, 'i');
}
