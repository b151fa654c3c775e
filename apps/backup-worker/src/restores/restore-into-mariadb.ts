import { HozenError } from '@hozen/contracts';
import {
  connectMariadb,
  inspectMariadb,
  mariadbAddressOf,
  mariadbDatabases,
  seriesOf,
  type MariadbAddress,
  type MariadbClient,
  type MariadbFacts,
} from '@hozen/dbms';
import type { TargetSpec } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import {
  contentUnder,
  differencesOf,
  type DumpContent,
  type StoredContent,
} from '../methods/mariadb-logical/dump-content.js';
import { CONTENT, STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { eventsScript, triggersScript } from '../methods/mariadb-logical/stored-programs.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import { renamedDump } from '../restore/renamed-dump.js';
import { publishedArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { dumpAgain } from '../verification/dump-again.js';
import { named } from '../verification/named.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { planMariadb } from './plan-mariadb.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { wrongMethod } from './wrong-method.js';

const LOCK_SECONDS = 10;

/** What one attempt has at hand. */
interface Attempt {
  client: MariadbClient;
  address: MariadbAddress;
  facts: MariadbFacts;
  artefact: CommittedArtefact;
  file: ArtefactFile;
  stored: StoredContent;
  about: AboutRestore;
}

/**
 * Brings databases of a dump into a MariaDB server. The server cannot rename a database, so they have their names from the
 * beginning; until they are whole and compared, their comment says that they are not, and whose they are.
 */
export class MariadbDestination implements Destination {
  readonly #names: ReadonlyMap<string, string>;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {
    this.#names = new Map(row.databases.map(({ name, as }) => [name, as]));
  }

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    const source = await sourceOf(row, context.database);
    const artefact = await publishedArtefact(source.path, source);
    if (artefact.manifest.format !== 'hozen-mariadb-logical') {
      throw wrongMethod(row.target_name, artefact.manifest.format);
    }
    const address = await mariadbAddressOf(this.spec);
    await using file = await ArtefactFile.open(artefact);
    const stored = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
    await using client = await connectMariadb(address);
    await this.#takeOver(client);
    if (!row.opening) await this.#dropLeftovers(client);
    const facts = await inspectMariadb(client);
    const attempt: Attempt = { client, address, facts, artefact, file, stored, about };
    const { obstacles, warnings } = planMariadb({ source, artefact, facts, row });
    // The worker that began to open them died before it could say so.
    if (!row.opening) {
      // The signature is that of the manifest, and the manifest says which bytes are right.
      if (source.signing) await checkFile(artefact, about);
      if (obstacles.length > 0) {
        const what = obstacles.map((each) => `${each.kind} ${each.what}`).join(', ');
        throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
      }
      await this.#fill(attempt);
      about.signal.throwIfAborted();
      await markOpening(row, context);
    }
    await this.#open(attempt);
    const restored = row.databases.map((each) => ({ ...each, tables: tablesOf(stored, each.name) }));
    await finishRestored(context.outbox, row, restored, warnings);
  }

  async undo(): Promise<void> {
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    await this.#takeOver(client);
    await this.#dropLeftovers(client);
  }

  /** Ends the sessions of attempts before this one, and lets no later one of them begin. */
  async #takeOver(client: MariadbClient): Promise<void> {
    await killHolder(client, this.#lock('own'));
    await killHolder(client, this.#lock('load'));
    const [answer] = await client.query<{ got: string | number | null }>('SELECT get_lock(?, ?) AS got', [
      this.#lock('own'),
      LOCK_SECONDS,
    ]);
    if (Number(answer?.got) !== 1) throw new HozenError('LEASE_LOST');
    // As long as loading and comparing may take.
    await client.query('SET SESSION wait_timeout = 172800');
  }

  #lock(what: 'own' | 'load'): string {
    return `hozen/${this.row.id}/${what}`;
  }

  /** The comment of a database that is not opened yet. */
  get #mark(): string {
    return `hozen restore ${this.row.id} ${this.row.epoch}`;
  }

  /** Drops what attempts of this restore up to this one have left. */
  async #dropLeftovers(client: MariadbClient): Promise<void> {
    const beginning = `hozen restore ${this.row.id} `;
    for (const { name, comment } of await mariadbDatabases(client)) {
      if (!comment.startsWith(beginning) || Number(comment.slice(beginning.length)) > Number(this.row.epoch)) continue;
      await client.query(`DROP DATABASE IF EXISTS ${client.name(name)}`);
    }
  }

  async #fill(attempt: Attempt): Promise<void> {
    const { client, address, stored, about } = attempt;
    about.ensureLease();
    for (const [name, as] of this.#names) {
      const settings = stored.databases.find((each) => each.name === name);
      if (!settings) throw new HozenError('NOT_FOUND', { what: 'database', id: name, list: 'runs' });
      const { encoding, collation } = settings;
      const how = `CHARACTER SET ${client.literal(encoding)} COLLATE ${client.literal(collation)}`;
      await client.query(`CREATE DATABASE ${client.name(as)} ${how} COMMENT ${client.literal(this.#mark)}`);
    }
    await failpoint('restore.created');
    await killHolder(client, this.#lock('load'));
    const expectedBytes = [...this.#names.keys()].reduce((sum, name) => sum + bytesOf(stored, name), 0);
    for (const stream of [STREAMS.dump, STREAMS.triggers, STREAMS.events]) {
      await loadMariadb(address, this.#script(attempt, stream, expectedBytes), about.signal);
    }
    await inSpan('compare', {}, () => this.#compare(attempt, expectedBytes));
  }

  async *#script({ client, file, about }: Attempt, stream: string, expectedBytes: number): AsyncGenerator<Buffer> {
    yield Buffer.from(this.#guard(client));
    let bytes = 0;
    for await (const chunk of renamedDump(file.read(file.stream(stream)), this.#names)) {
      about.progress({ phase: 'restoring', bytes: (bytes += chunk.length), expectedBytes, item: stream });
      yield chunk;
    }
  }

  /** A session that loads ends here if the restore has gone to another worker. */
  #guard(client: MariadbClient): string {
    const lock = `coalesce(get_lock(${client.literal(this.#lock('load'))}, ${LOCK_SECONDS}), 0) <> 1`;
    const marked = `SELECT count(*) FROM information_schema.schemata WHERE schema_comment = ${client.literal(this.#mark)}`;
    return [
      'DELIMITER $$',
      `BEGIN NOT ATOMIC IF ${lock} OR (${marked}) <> ${this.#names.size} THEN`,
      `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'another worker goes on with this restore'; END IF; END $$`,
      'DELIMITER ;\n',
    ].join('\n');
  }

  async #compare(attempt: Attempt, expectedBytes: number): Promise<void> {
    const { client, address, facts, artefact, file, about } = attempt;
    const names = [...this.#names.values()];
    const { signal, progress } = about;
    const content = await dumpAgain(address, { names, expectedBytes, signal, progress });
    const found = contentUnder(content, new Map(names.map((name) => [name, name])));
    const expected = contentUnder(attempt.stored, this.#names);
    const isSame = seriesOf(facts.version) === seriesOf(artefact.manifest.mariadb?.version ?? '');
    // Another series writes the same definition in other words.
    const [one, other] = isSame ? [expected, found] : [rowsOnly(expected), rowsOnly(found)];
    const differences = differencesOf(one, other);
    if (isSame) {
      const stored = async (stream: string) => collected(renamedDump(file.read(file.stream(stream)), this.#names));
      if ((await stored(STREAMS.triggers)) !== (await triggersScript(client, names))) differences.push('triggers');
      if ((await stored(STREAMS.events)) !== (await eventsScript(client, names))) differences.push('events');
    }
    signal.throwIfAborted();
    if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
  }

  /** Gives each database its own comment, which opens it. From here on nothing is dropped: who takes over goes on. */
  async #open({ client, stored, about }: Attempt): Promise<void> {
    try {
      about.ensureLease();
      const there = new Map((await mariadbDatabases(client)).map(({ name, comment }) => [name, comment]));
      for (const [name, as] of this.#names) {
        if (!there.get(as)?.startsWith(`hozen restore ${this.row.id} `)) continue;
        const comment = stored.databases.find((each) => each.name === name)?.comment ?? '';
        await client.query(`ALTER DATABASE ${client.name(as)} COMMENT ${client.literal(comment)}`);
        await failpoint('restore.opened');
      }
    } catch (cause) {
      throw new OutcomeUnknown('it is not known whether all databases were opened', { cause });
    }
  }
}

async function killHolder(client: MariadbClient, lock: string): Promise<void> {
  const [holder] = await client.query<{ id: string | number | null }>('SELECT is_used_lock(?) AS id', [lock]);
  if (holder?.id == null) return;
  // It may end by itself in this moment.
  await client.query(`KILL ${Number(holder.id)}`).catch(() => undefined);
}

function rowsOnly(content: DumpContent): DumpContent {
  return { ...content, definitions: [] };
}

function tablesOf(stored: StoredContent, name: string): number {
  return stored.tables.filter(({ database }) => database === name).length;
}

function bytesOf(stored: StoredContent, name: string): number {
  return [...stored.tables, ...stored.definitions]
    .filter(({ database }) => database === name)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

async function collected(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('utf8');
}
