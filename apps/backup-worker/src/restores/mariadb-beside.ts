import { HozenError } from '@hozen/contracts';
import { seriesOf, type AnsweringMariadb, type MariadbClient, type MariadbFacts } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import {
  contentUnder,
  differencesOf,
  type DumpContent,
  type StoredContent,
} from '../methods/mariadb-logical/dump-content.js';
import { STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { eventsScript, triggersScript } from '../methods/mariadb-logical/stored-programs.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import { renamedDump } from '../restore/renamed-dump.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { dumpAgain } from '../verification/dump-again.js';
import { named } from '../verification/named.js';
import type { AboutRestore } from './destination.js';
import { LOCK_SECONDS, loadGuard } from './load-guard.js';
import type { RestoreRow } from './restore-row.js';
import { unfinishedDatabases } from './unfinished-databases.js';

const ALL = [STREAMS.dump, STREAMS.triggers, STREAMS.events];

/** What one attempt has at hand. */
export interface MariadbAttempt {
  client: MariadbClient;
  address: AnsweringMariadb;
  facts: MariadbFacts;
  artefact: CommittedArtefact;
  file: ArtefactFile;
  stored: StoredContent;
  about: AboutRestore;
  /** What comes between loading and comparing. */
  loaded?: () => Promise<void>;
}

/** Databases of a dump that are restored and compared, and are known as unfinished work of this restore. */
export class MariadbBeside {
  readonly #names: ReadonlyMap<string, string>;

  /** @param names of databases in the dump → those that they get */
  constructor(
    private readonly row: RestoreRow,
    names: ReadonlyMap<string, string>,
  ) {
    this.#names = names;
  }

  /** Ends the sessions of attempts before this one, and lets no later one of them begin. */
  async takeOver(client: MariadbClient): Promise<void> {
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

  /** Drops what attempts of this restore up to this one have left. */
  async dropLeftovers(client: MariadbClient): Promise<void> {
    const unfinished = unfinishedDatabases(client, this.row);
    for (const [name, epoch] of await unfinished.find(client)) {
      if (epoch <= Number(this.row.epoch)) await client.query(`DROP DATABASE IF EXISTS ${client.name(name)}`);
    }
    await unfinished.tidy(client);
  }

  /**
   * @param streams what is loaded of the dump
   * @throws HozenError CONTENT_DIFFERS, LEASE_LOST, of the target and the storage
   */
  async restoreAll(attempt: MariadbAttempt, streams: readonly string[] = ALL): Promise<void> {
    const { client, address, stored, about } = attempt;
    about.ensureLease();
    if (this.#names.size === 0) return attempt.loaded?.();
    for (const [name, as] of this.#names) {
      const settings = stored.databases.find((each) => each.name === name);
      if (!settings) throw new HozenError('NOT_FOUND', { what: 'database', id: name, list: 'runs' });
      const { encoding, collation } = settings;
      const how = `CHARACTER SET ${client.literal(encoding)} COLLATE ${client.literal(collation)}`;
      await unfinishedDatabases(client, this.row).create(client, as, how);
    }
    await failpoint('restore.created');
    await killHolder(client, this.#lock('load'));
    const expectedBytes = [...this.#names.keys()].reduce((sum, name) => sum + bytesOf(stored, name), 0);
    for (const stream of streams) {
      await loadMariadb(address, this.#script(attempt, stream, expectedBytes), about.signal);
    }
    await attempt.loaded?.();
    await inSpan('compare', {}, () => this.#compare(attempt, streams, expectedBytes));
  }

  async *#script(
    { client, file, about }: MariadbAttempt,
    stream: string,
    expectedBytes: number,
  ): AsyncGenerator<Buffer> {
    const counted = unfinishedDatabases(client, this.row).counted(client);
    yield Buffer.from(loadGuard(client, { lock: this.#lock('load'), counted, databases: this.#names.size }));
    let bytes = 0;
    for await (const chunk of renamedDump(file.read(file.stream(stream)), this.#names)) {
      about.progress({ phase: 'restoring', bytes: (bytes += chunk.length), expectedBytes, item: stream });
      yield chunk;
    }
  }

  async #compare(attempt: MariadbAttempt, streams: readonly string[], expectedBytes: number): Promise<void> {
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
      const programs = [
        ['triggers', STREAMS.triggers, triggersScript],
        ['events', STREAMS.events, eventsScript],
      ] as const;
      for (const [what, stream, scriptOf] of programs) {
        if (!streams.includes(stream)) continue;
        // One by one: under other names they may come in another order.
        for (const [name, as] of this.#names) {
          const stored = await collected(renamedDump(file.read(file.stream(stream)), new Map([[name, as]])));
          if (stored !== (await scriptOf(client, [as]))) differences.push(`${what} of ${name}`);
        }
      }
    }
    signal.throwIfAborted();
    if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
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

function bytesOf(stored: StoredContent, name: string): number {
  return [...stored.tables, ...stored.definitions]
    .filter(({ database }) => database === name)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

export async function collected(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('utf8');
}
