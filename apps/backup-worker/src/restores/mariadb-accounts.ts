import { HozenError, warningText, type RestorePlanView } from '@hozen/contracts';
import type { Flavour, MariadbClient } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { partialRevokes, usersScript } from '../methods/mariadb-logical/users-script.js';
import { grantsGlobally } from '../policy/mariadb/statement-findings.js';
import { accountsIn, isLocked, withoutLock, type StoredAccount } from '../restore/account-statements.js';
import type { RestoreRow } from './restore-row.js';

const NAMES: Readonly<Record<Flavour, string>> = {
  mariadb: `SELECT if(is_role = 'Y', User, concat(User, '@', Host)) AS name FROM mysql.user`,
  mysql: `SELECT concat(User, '@', Host) AS name FROM mysql.user`,
};

/** Roles of which the role of the restore is the administrator. */
const OWN_ROLES = `SELECT Role AS name FROM mysql.roles_mapping WHERE User = ? AND Host = '' AND Admin_option = 'Y'`;

const WRITE_DOWN = `UPDATE restores SET accounts = $3::jsonb WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`;

/** What becomes of the accounts of a backup. */
export interface PlannedAccounts {
  create: StoredAccount[];
  roles: NonNullable<RestorePlanView['roles']>;
  obstacles: RestorePlanView['obstacles'];
}

/**
 * Those that are missing are made; those that are there stay as they are.
 * @param stored all of the backup
 * @throws HozenError of the TARGET_ codes
 */
export async function planAccounts(client: MariadbClient, stored: readonly StoredAccount[]): Promise<PlannedAccounts> {
  const known = await knownAccounts(client);
  const there = new Map(accountsIn((await usersScript(client)).script).map((each) => [each.name, each]));
  const create = stored.filter(({ name }) => !known.has(name));
  const [own] = await client.query<{ name: string }>('SELECT current_user() AS name');
  const differs = (each: StoredAccount) => JSON.stringify(each) !== JSON.stringify(there.get(each.name));
  return {
    create,
    roles: {
      create: create.map(({ name }) => name),
      superusers: create.filter(({ grants }) => grants.some(grantsGlobally)).map(({ name }) => name),
      // Our own always differs, by its password at least.
      kept: stored
        .filter((each) => known.has(each.name) && each.name !== own?.name && differs(each))
        .map(({ name }) => name),
    },
    obstacles: await missingSetting(client, create),
  };
}

/** MySQL takes rights on a database from those on all of them only where it is told to. */
async function missingSetting(
  client: MariadbClient,
  create: readonly StoredAccount[],
): Promise<RestorePlanView['obstacles']> {
  const revoked = create.filter(({ grants }) => grants.some((each) => each.startsWith('REVOKE ')));
  if (revoked.length === 0) return [];
  if ((await partialRevokes(client)) !== 'OFF') return [];
  return [{ kind: 'setting-missing', what: `partial_revokes = ON (${revoked.map(({ name }) => name).join(', ')})` }];
}

/**
 * The accounts that a restore of everything makes. They are written down first, made before the databases, because views and
 * routines run as them, and nobody comes in as one of them before all is whole: until then they are locked, which is also how those are told
 * apart from others that somebody has made meanwhile. A role has no lock; its administrator is a role of this restore instead.
 */
export class RestoredAccounts {
  readonly #role: string;

  constructor(
    private readonly row: Pick<RestoreRow, 'id' | 'epoch' | 'target_name'>,
    private readonly client: MariadbClient,
  ) {
    this.#role = `hozen_restore_${row.id.replaceAll('-', '')}`;
  }

  /** @throws HozenError LEASE_LOST, of the TARGET_ codes */
  async make(database: DataSource, accounts: readonly StoredAccount[]): Promise<void> {
    if (accounts.length === 0) return;
    const { row, client } = this;
    const names = JSON.stringify(accounts.map(({ name }) => name));
    const [rows] = await database.query<[unknown[], number]>(WRITE_DOWN, [row.id, row.epoch, names]);
    if (rows.length === 0) throw new HozenError('LEASE_LOST');
    if (accounts.some(({ isRole }) => isRole)) await client.query(`CREATE ROLE IF NOT EXISTS ${this.#quotedRole}`);
    for (const account of accounts) {
      const { isRole, quoted, options } = account;
      const rest = withoutLock(options);
      await this.#run(account, [
        isRole ? `CREATE ROLE ${quoted} WITH ADMIN ${this.#quotedRole}` : `CREATE USER ${quoted} ACCOUNT LOCK`,
        ...(rest === '' ? [] : [`ALTER USER ${quoted} ${rest}`]),
      ]);
      await failpoint('restore.account');
    }
  }

  /** What needs no table: a view on a view is made with the rights of who defines the other one. */
  async grantWhatCan(accounts: readonly StoredAccount[]): Promise<void> {
    for (const account of accounts) {
      for (const statement of account.grants) {
        await this.#run(account, [statement]).catch((error: unknown) => {
          if (!(error instanceof HozenError) || error.code !== 'RESTORE_IMPOSSIBLE') throw error;
        });
      }
    }
  }

  /** All of them: rights on tables need the tables. */
  async grant(accounts: readonly StoredAccount[]): Promise<void> {
    for (const account of accounts) await this.#run(account, account.grants);
  }

  /** From here on people come in as them. May be done again. */
  async open(accounts: readonly StoredAccount[]): Promise<void> {
    for (const { quoted, isRole, options } of accounts) {
      if (!isRole && !isLocked(options)) await this.client.query(`ALTER USER ${quoted} ACCOUNT UNLOCK`);
    }
    await this.#dropRole();
  }

  /** Takes away those that this restore has made. @param names as they were written down */
  async drop(names: readonly string[]): Promise<void> {
    const { client } = this;
    if (names.length === 0) return;
    const wanted = new Set(names);
    const ownRoles = client.flavour === 'mariadb' ? await client.query<{ name: string }>(OWN_ROLES, [this.#role]) : [];
    for (const { name } of ownRoles) if (wanted.has(name)) await client.query(`DROP ROLE ${client.name(name)}`);
    for (const { name, quoted, isRole, options } of accountsIn((await usersScript(client)).script)) {
      if (!isRole && wanted.has(name) && isLocked(options)) await client.query(`DROP USER ${quoted}`);
    }
    await this.#dropRole();
  }

  async #run({ name }: StoredAccount, statements: readonly string[]): Promise<void> {
    try {
      for (const statement of statements) await this.client.query(statement);
    } catch (error) {
      if (!(error instanceof HozenError) || error.code !== 'INTERNAL') throw error;
      const what = warningText('what.account-refused', { name });
      const target = this.row.target_name;
      throw new HozenError('RESTORE_IMPOSSIBLE', { target, what }, { detail: error.detail ?? '', cause: error });
    }
  }

  async #dropRole(): Promise<void> {
    if (this.client.flavour === 'mariadb') await this.client.query(`DROP ROLE IF EXISTS ${this.#quotedRole}`);
  }

  get #quotedRole(): string {
    return this.client.name(this.#role);
  }
}

/** As they stand in the books now: an attempt that fails may have written them down itself. */
export async function writtenAccounts(
  { id }: Pick<RestoreRow, 'id'>,
  database: DataSource,
): Promise<RestoreRow['accounts']> {
  const [found] = await database.query<Pick<RestoreRow, 'accounts'>[]>('SELECT accounts FROM restores WHERE id = $1', [
    id,
  ]);
  return found?.accounts ?? null;
}

async function knownAccounts(client: MariadbClient): Promise<Set<string>> {
  const rows = await client.query<{ name: string }>(NAMES[client.flavour]);
  return new Set(rows.map(({ name }) => name));
}
