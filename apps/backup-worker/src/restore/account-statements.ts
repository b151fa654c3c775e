import type { ArtefactFile } from '../artefact/artefact-file.js';
import { STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { QUOTED, unquoted } from '../methods/mariadb-logical/quoting.js';

/** What `users.sql` says of one account. */
export interface StoredAccount {
  /** `user@host`; of a role of MariaDB its name alone. */
  name: string;
  /** As SQL names it. */
  quoted: string;
  isRole: boolean;
  /** What follows the name where a user is made: how it comes in, and its limits. */
  options: string;
  /** Rights, roles, and which of these are active at once; in this order. */
  grants: string[];
}

const NAME = `(?:${QUOTED}|[\\w$.%-]+)`;
const ACCOUNT = `(${NAME})(?:@(${NAME}))?`;
const REST = `(?: (?:[^'"\`,;]|${QUOTED})*)?`;

const STATEMENT = new RegExp(`(?:[^;'"\`]|${QUOTED})+`, 'gs');
const USER = new RegExp(`^CREATE USER IF NOT EXISTS ${ACCOUNT}((?: .*)?)$`, 's');
const ROLE = new RegExp(`^CREATE ROLE IF NOT EXISTS ${ACCOUNT}$`, 's');
/** The last of these words that stands in no quotes: names of columns come before. */
const GRANT = new RegExp(`^(?:GRANT|REVOKE) (?:[^'"\`]|${QUOTED})* (?:TO|FROM) ${ACCOUNT}${REST}$`, 's');
const DEFAULT_OF_MARIADB = new RegExp(`^SET DEFAULT ROLE ${NAME}(?:@${NAME})? FOR ${ACCOUNT}$`, 's');
const DEFAULT_OF_MYSQL = new RegExp(`^ALTER USER ${ACCOUNT} DEFAULT ROLE .*$`, 's');

/** @throws HozenError of the artefact */
export async function storedAccounts(file: ArtefactFile): Promise<StoredAccount[]> {
  return accountsIn((await file.readFile(STREAMS.users)).toString('utf8'));
}

/**
 * The accounts that a script of ours makes. What it says of others, or otherwise, is passed over.
 * @param script as usersScript writes it
 */
export function accountsIn(script: string): StoredAccount[] {
  const accounts = new Map<string, StoredAccount>();
  for (const [text] of script.matchAll(STATEMENT)) {
    const sql = text.trim();
    const [, user, host, options] = USER.exec(sql) ?? [];
    const [, role] = ROLE.exec(sql) ?? [];
    const made = user ?? role;
    if (made !== undefined) {
      const name = nameOf(made, host);
      const quoted = host === undefined ? made : `${made}@${host}`;
      accounts.set(name, { name, quoted, isRole: role !== undefined, options: (options ?? '').trim(), grants: [] });
      continue;
    }
    const [, to, at] = GRANT.exec(sql) ?? DEFAULT_OF_MARIADB.exec(sql) ?? DEFAULT_OF_MYSQL.exec(sql) ?? [];
    if (to !== undefined) accounts.get(nameOf(to, at))?.grants.push(sql);
  }
  return [...accounts.values()];
}

/** Without whether it can come in. */
export function withoutLock(options: string): string {
  const parts = options.split(new RegExp(`(${QUOTED})`, 's'));
  const plain = (text: string) => text.replace(/ ?\bACCOUNT (?:UN)?LOCK\b/g, '');
  return parts
    .map((part, index) => (index % 2 === 0 ? plain(part) : part))
    .join('')
    .trim();
}

export function isLocked(options: string): boolean {
  return /\bACCOUNT LOCK\b/.test(options.replace(new RegExp(QUOTED, 'gs'), "''"));
}

function nameOf(user: string, host: string | undefined): string {
  return host === undefined ? unquoted(user) : `${unquoted(user)}@${unquoted(host)}`;
}
