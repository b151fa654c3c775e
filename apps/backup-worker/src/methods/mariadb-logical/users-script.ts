import { HozenError } from '@hozen/contracts';
import type { MariadbClient } from '@hozen/dbms';

interface Account {
  user: string;
  host: string;
  isRole: 'Y' | 'N';
}

/** Names and texts are quoted in one way, whatever the server has set as its own. */
export const SCRIPT_HEAD = "SET NAMES utf8mb4;\nSET SESSION sql_mode = '';\n";

/** Those of the server itself are made with it. */
const ACCOUNTS = `
  SELECT User AS user, Host AS host, is_role AS isRole FROM mysql.user
   WHERE User NOT IN ('mariadb.sys', 'mysql') ORDER BY is_role DESC, User, Host`;

/**
 * A script with all users and roles and their rights; what is there already stays as it is. mariadb-dump could write it, but
 * it fails for users of host names on a server that does not resolve names.
 */
export async function usersScript(client: MariadbClient): Promise<{ script: string; leftOut: string[] }> {
  const accounts = await client.query<Account>(ACCOUNTS);
  const lines: string[] = [];
  const grants: string[] = [];
  const leftOut: string[] = [];
  for (const account of accounts) {
    const name = nameOf(client, account);
    try {
      lines.push(...(await creationOf(client, account, name)));
      grants.push(...(await columnOf(client, `SHOW GRANTS FOR ${name}`)));
    } catch (error) {
      if (!isUnknown(error)) throw error;
      leftOut.push(`${account.user}@${account.host}`);
    }
  }
  const script = SCRIPT_HEAD + [...lines, ...grants.map((grant) => `${grant};`), ''].join('\n');
  return { script, leftOut };
}

async function creationOf(client: MariadbClient, { user, isRole }: Account, name: string): Promise<string[]> {
  if (user === 'PUBLIC') return [];
  if (isRole === 'Y') return [`CREATE ROLE IF NOT EXISTS ${name};`];
  const statements = await columnOf(client, `SHOW CREATE USER ${name}`);
  return statements.map((statement) => `${statement.replace(/^CREATE USER /, 'CREATE USER IF NOT EXISTS ')};`);
}

function nameOf(client: MariadbClient, { user, host, isRole }: Account): string {
  if (user === 'PUBLIC') return 'PUBLIC';
  return isRole === 'Y' ? client.name(user) : `${client.name(user)}@${client.name(host)}`;
}

async function columnOf(client: MariadbClient, sql: string): Promise<string[]> {
  return (await client.query<Record<string, string>>(sql)).flatMap((row) => Object.values(row));
}

/** The server has the row, and does not use it. */
function isUnknown(error: unknown): boolean {
  const cause = error instanceof HozenError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ER_PASSWORD_NO_MATCH' || code === 'ER_NONEXISTING_GRANT';
}
