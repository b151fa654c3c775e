import { mariadbErrorName, type Flavour, type MariadbClient } from '@hozen/dbms';
import { StandingGrants } from './standing-grants.js';

/** A user or a role. */
interface Account {
  user: string;
  host: string;
  isRole: 'Y' | 'N';
}

/** Names and texts are quoted in one way, whatever the server has set as its own. */
export const SCRIPT_HEAD = "SET NAMES utf8mb4;\nSET SESSION sql_mode = '';\n";

/** Those of the server itself are made with it. MySQL's roles are users who cannot come in. */
const ACCOUNTS: Readonly<Record<Flavour, string>> = {
  mariadb: `
  SELECT User AS user, Host AS host, is_role AS isRole FROM mysql.user
   WHERE User NOT IN ('mariadb.sys', 'mysql') ORDER BY is_role DESC, User, Host`,
  mysql: `
  SELECT User AS user, Host AS host, 'N' AS isRole FROM mysql.user
   WHERE User NOT IN ('mysql.sys', 'mysql.session', 'mysql.infoschema') ORDER BY User, Host`,
};

/** What becomes of an account in a script. */
interface AccountScript {
  creation: string[];
  grants: string[];
  /** Only once the roles are granted. */
  defaultRoles: string[];
  /** Of the rights on what is gone: whether there are some. */
  hasLost: boolean;
}

export interface UsersScript {
  script: string;
  /** Accounts that the server does not use itself. */
  leftOut: string[];
  /** Accounts with rights on tables, columns or routines that are gone; these are not in the script. */
  lost: string[];
}

/**
 * A script with all users and roles and their rights; what is there already stays as it is. mariadb-dump could write it, but
 * it fails for users of host names on a server that does not resolve names; mysqldump has none of it.
 */
export async function usersScript(client: MariadbClient): Promise<UsersScript> {
  const accounts = await client.query<Account>(ACCOUNTS[client.flavour]);
  const head = client.flavour === 'mysql' ? await mysqlHead(client) : [];
  const scripts: AccountScript[] = [];
  const [leftOut, lost]: [string[], string[]] = [[], []];
  const standing = await StandingGrants.of(client);
  for (const account of accounts) {
    try {
      const script = await scriptOf(client, account, standing);
      scripts.push(script);
      if (script.hasLost) lost.push(fullName(account));
    } catch (error) {
      if (!isUnknown(error)) throw error;
      leftOut.push(fullName(account));
    }
  }
  const steps = ['creation', 'grants', 'defaultRoles'] as const;
  const lines = steps.flatMap((step) => scripts.flatMap((each) => each[step])).map((statement) => `${statement};`);
  return { script: SCRIPT_HEAD + [...head, ...lines, ''].join('\n'), leftOut, lost };
}

/** Hashes hold any bytes, and rights that are taken from databases need a setting. */
async function mysqlHead(client: MariadbClient): Promise<string[]> {
  await client.query('SET SESSION print_identified_with_as_hex = ON');
  return (await partialRevokes(client)) === 'ON' ? ['SET GLOBAL partial_revokes = ON;'] : [];
}

/** Whether MySQL takes rights on single databases from those on all: `ON` or `OFF`; undefined where there is no such setting. */
export async function partialRevokes(client: MariadbClient): Promise<string | undefined> {
  const [setting] = await client.query<{ Value: string }>(`SHOW GLOBAL VARIABLES LIKE 'partial_revokes'`);
  return setting?.Value;
}

async function scriptOf(client: MariadbClient, account: Account, standing: StandingGrants): Promise<AccountScript> {
  const name = nameOf(client, account);
  const [creation, roles] = withoutRoles(await creationOf(client, account, name));
  const given = await columnOf(client, `SHOW GRANTS FOR ${name}`);
  const grants: string[] = [];
  for (const statement of given) {
    const kept = await standing.standing(statement);
    if (kept !== undefined) grants.push(kept);
  }
  const hasLost = given.join() !== grants.join();
  return { creation, grants, defaultRoles: roles.map((each) => `ALTER USER ${name} DEFAULT ROLE ${each}`), hasLost };
}

async function creationOf(client: MariadbClient, { user, isRole }: Account, name: string): Promise<string[]> {
  if (user === 'PUBLIC' && client.flavour === 'mariadb') return [];
  if (isRole === 'Y') return [`CREATE ROLE IF NOT EXISTS ${name}`];
  const statements = await columnOf(client, `SHOW CREATE USER ${name}`);
  return statements.map((statement) => statement.replace(/^CREATE USER /, 'CREATE USER IF NOT EXISTS '));
}

const ROLE = '`(?:[^`]|``)*`@`(?:[^`]|``)*`';
/** MySQL says it where the user is created; MariaDB says it in a statement of its own, and among the grants. */
const DEFAULT_ROLES = new RegExp(` DEFAULT ROLE (${ROLE}(?:,${ROLE})*)(?= REQUIRE )`);

/** @returns the statements without the roles that are active at once, and these */
function withoutRoles(statements: readonly string[]): [string[], string[]] {
  const roles = statements.flatMap((each) => DEFAULT_ROLES.exec(each)?.[1] ?? []);
  return [statements.map((each) => each.replace(DEFAULT_ROLES, '')), roles];
}

function nameOf(client: MariadbClient, { user, host, isRole }: Account): string {
  if (user === 'PUBLIC' && client.flavour === 'mariadb') return 'PUBLIC';
  return isRole === 'Y' ? client.name(user) : `${client.name(user)}@${client.name(host)}`;
}

async function columnOf(client: MariadbClient, sql: string): Promise<string[]> {
  return (await client.query<Record<string, string>>(sql)).flatMap((row) => Object.values(row));
}

function fullName({ user, host, isRole }: Account): string {
  return isRole === 'Y' ? user : `${user}@${host}`;
}

/** The server has the row, and does not use it. */
function isUnknown(error: unknown): boolean {
  return ['ER_PASSWORD_NO_MATCH', 'ER_NONEXISTING_GRANT'].includes(mariadbErrorName(error));
}
