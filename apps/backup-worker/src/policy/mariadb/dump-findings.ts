import { Readable } from 'node:stream';
import type { MariadbClient } from '@hozen/dbms';
import type { ArtefactFile } from '../../artefact/artefact-file.js';
import { STREAMS } from '../../methods/mariadb-logical/dump-server.js';
import type { StoredAccount } from '../../restore/account-statements.js';
import { renamedDump } from '../../restore/renamed-dump.js';
import type { Finding } from '../findings.js';
import { findingsOfStatement, grantsGlobally, privilegedBy } from './statement-findings.js';
import { StatementReader, type DumpStatement } from './statement-reader.js';

/** Whoever writes a dump of ten million findings has made one. */
const MOST = 1000;

const OF_ACCOUNTS = 'roles';

const PRIVILEGED = `
  SELECT grantee FROM information_schema.user_privileges WHERE privilege_type <> 'USAGE' OR is_grantable = 'YES'
  UNION SELECT grantee FROM information_schema.schema_privileges WHERE table_schema IN ('mysql', 'sys')`;

/** Only who may read it sees the accounts of others. */
const ACCOUNTS = 'SELECT 1 FROM mysql.user LIMIT 1';

/** `user@host` of the accounts of a server with rights over all of it; undefined where we may not see them. */
export async function privilegedAccounts(client: MariadbClient): Promise<ReadonlySet<string> | undefined> {
  try {
    await client.query(ACCOUNTS);
  } catch {
    return undefined;
  }
  const rows = await client.query<{ grantee: string }>(PRIVILEGED);
  return new Set(rows.map(({ grantee }) => grantee.replace(/^'(.*)'@'(.*)'$/s, '$1@$2').replace(/^'(.*)'$/s, '$1')));
}

/** What is executed of a dump. */
export interface ExecutedDump {
  file: ArtefactFile;
  databases: readonly string[];
  /** Those that are made, with their rights. */
  accounts: readonly StoredAccount[];
}

/**
 * What a dump would bring into a server that is there: what is executed is read, and nothing else.
 * @param privileged accounts of that server
 * @throws HozenError of the artefact; the signal's reason
 */
export async function findingsForServer(
  { file, databases, accounts }: ExecutedDump,
  privileged: ReadonlySet<string> | undefined,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const made = accounts.filter(({ grants }) => grants.some(grantsGlobally)).map(({ name }) => name);
  const list = new FindingList(privileged && new Set([...privileged, ...made]), signal);
  const statements = accounts.flatMap(({ grants }) => grants).map((each) => Buffer.from(`${each};\n`));
  await list.read(Readable.from(statements), OF_ACCOUNTS);
  const names = new Map(databases.map((name) => [name, name]));
  for (const stream of [STREAMS.dump, STREAMS.triggers, STREAMS.events]) {
    await list.read(renamedDump(file.read(file.stream(stream)), names), stream);
  }
  return list.found;
}

/** What a whole dump would bring into a new server, accounts and all. @throws HozenError of the artefact */
export async function findingsForNewServer(file: ArtefactFile, signal?: AbortSignal): Promise<Finding[]> {
  const privileged = new Set<string>();
  const list = new FindingList(privileged, signal);
  for (const stream of [STREAMS.users, STREAMS.dump, STREAMS.triggers, STREAMS.events]) {
    const ofAccounts = stream === STREAMS.users;
    await list.read(file.read(file.stream(stream)), ofAccounts ? OF_ACCOUNTS : stream, (statement) => {
      const account = ofAccounts ? privilegedBy(statement) : undefined;
      if (account !== undefined) privileged.add(account);
    });
  }
  return list.found;
}

class FindingList {
  readonly #found = new Map<string, Finding>();

  constructor(
    private readonly privileged: ReadonlySet<string> | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  get found(): Finding[] {
    return [...this.#found.values()];
  }

  /** @param name where it is, as long as no database was named */
  async read(
    script: AsyncIterable<Buffer>,
    name: string,
    look: (statement: DumpStatement) => void = () => undefined,
  ): Promise<void> {
    const rules = { privileged: this.privileged, ofAccounts: name === OF_ACCOUNTS };
    let where = name;
    const reader = new StatementReader((statement) => {
      const [, used] = /^USE\s+`((?:[^`]|``)*)`$/.exec(statement.code) ?? [];
      if (used !== undefined) where = used.replaceAll('``', '`');
      look(statement);
      for (const each of findingsOfStatement(statement, rules)) this.#add({ ...each, where });
    });
    for await (const chunk of script) {
      this.signal?.throwIfAborted();
      reader.push(chunk);
    }
    reader.end();
  }

  #add(finding: Finding): void {
    if (this.#found.size < MOST) this.#found.set(JSON.stringify(finding), finding);
    else this.#found.set('', { kind: 'ambiguous', name: `more than ${MOST}`, where: finding.where });
  }
}
