import { HozenError, warningText } from '@hozen/contracts';
import { mariadbDatabases, type MariadbClient } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import type { DatabaseSettings } from '../methods/mariadb-logical/dump-content.js';
import { createPrograms, dropPrograms, dropTriggers, programsOf, type Program } from './mariadb-programs.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

/** A database that is replaced. */
export interface Swapped {
  /** Its name, now and later. */
  name: string;
  /** Where the backup is restored and compared. */
  beside: string;
  /** Where that goes which was there. */
  kept: string;
  settings: DatabaseSettings;
  /** A script with the events of the backup, which have acted nowhere yet. */
  events: string;
}

/** What is taken away of a database: for the one that is kept, for the one that comes, and the triggers, if it is undone. */
type SetAside = Record<string, { old: Program[]; fresh: Program[]; triggers: Program[] }>;

/** Until it goes over with the tables, in the same statement: so everybody knows whether they have. */
const MARK = 'hozen_restore';
const LOCK_WAIT_SECONDS = 30;
const MOST_NAME_CHARACTERS = 64;

const TABLES = `
  SELECT table_name AS name FROM information_schema.tables
   WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SEQUENCE', 'SYSTEM VERSIONED') ORDER BY 1`;

const MARKED = 'SELECT 1 AS found FROM information_schema.tables WHERE table_schema = ? AND table_name = ?';

const CLOSE = `
  UPDATE restores SET closed = coalesce(closed, $3::jsonb)
   WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING closed`;
const SET_ASIDE = `UPDATE restores SET set_aside = $3::jsonb WHERE id = $1 AND epoch = $2 RETURNING id`;
/** From here on nothing is made anew: what stands there may be somebody's. */
const COMPLETE = `UPDATE restores SET set_aside = NULL WHERE id = $1 AND epoch = $2`;
const FORGET = `UPDATE restores SET closed = NULL, set_aside = NULL WHERE id = $1 AND epoch = $2`;

/** The name that what was there has from now on. */
export function keptAs({ id }: RestoreRow, name: string): string {
  const end = `_before_${id.slice(0, 8)}`;
  return (
    Array.from(name)
      .slice(0, MOST_NAME_CHARACTERS - end.length)
      .join('') + end
  );
}

/**
 * Exchanges the content of databases of a MariaDB server, which cannot be renamed: all tables change places in one statement, while the
 * server is read-only. Before it everything can be undone; after it only forward is left, and whoever goes on ends it.
 */
export class MariadbSwap {
  constructor(
    private readonly row: RestoreRow,
    private readonly client: MariadbClient,
    private readonly context: RestoreContext,
    private readonly swapped: readonly Swapped[],
    private readonly signal: AbortSignal,
  ) {}

  /** Whether the tables have changed places. */
  async isDone(): Promise<boolean> {
    if (!this.row.opening) return false;
    return isSwapped(this.client, this.swapped);
  }

  /** Nobody writes any more but those who may always. @throws HozenError LEASE_LOST, of the TARGET_ codes */
  async close(): Promise<void> {
    const { client, row } = this;
    await client.query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_SECONDS}`);
    const [now] = await client.query<{ value: string }>('SELECT @@global.read_only AS value');
    const closed = JSON.stringify([{ name: '@@read_only', limit: Number(now?.value ?? 0) }]);
    const [rows] = await this.context.database.query<[unknown[], number]>(CLOSE, [row.id, row.epoch, closed]);
    if (rows.length === 0) throw new HozenError('LEASE_LOST');
    await client.query('SET GLOBAL read_only = ON');
    await failpoint('restore.closed');
  }

  /** Writes down what is taken away, and makes room for it. */
  async prepare(): Promise<void> {
    const { client } = this;
    const aside: SetAside = {};
    for (const { name, beside, kept, settings } of this.swapped) {
      const [old, fresh] = [await programsOf(client, name, kept), await programsOf(client, beside, name)];
      const triggers = (await programsOf(client, name, name)).filter(({ kind }) => kind === 'triggers');
      aside[name] = { old, fresh, triggers };
      // First: a database that is kept beside one without a mark says that they have changed places.
      await client.query(`CREATE TABLE ${client.name(beside)}.${MARK} (restore_id VARCHAR(36)) ENGINE=InnoDB`);
      const { encoding, collation } = settings;
      const how = `CHARACTER SET ${client.literal(encoding)} COLLATE ${client.literal(collation)}`;
      await client.query(`CREATE DATABASE ${client.name(kept)} ${how} COMMENT ${client.literal(this.#comment(name))}`);
    }
    const { row, context } = this;
    const [rows] = await context.database.query<[unknown[], number]>(SET_ASIDE, [
      row.id,
      row.epoch,
      JSON.stringify(aside),
    ]);
    if (rows.length === 0) throw new HozenError('LEASE_LOST');
  }

  /** All tables of all databases change places, or none does. @throws HozenError of the TARGET_ codes */
  async swap(): Promise<void> {
    const { client } = this;
    const moves: string[] = [];
    for (const { name, beside, kept } of this.swapped) {
      // Tables with triggers stay in their database, and so do these.
      for (const database of [name, beside]) await dropTriggers(client, database);
      await failpoint('restore.triggers-dropped');
      moves.push(...(await movesOf(client, name, kept)), ...(await movesOf(client, beside, name, kept)));
    }
    await endSessions(
      client,
      this.swapped.map(({ name }) => name),
    );
    await client.query(`RENAME TABLE ${moves.join(', ')}`);
    await failpoint('restore.swapped');
  }

  /**
   * What else belongs to the databases: made anew however often this is begun, and everybody may write again.
   * @returns warnings
   */
  async complete(): Promise<string[]> {
    const { client } = this;
    const aside = await this.#setAside();
    const warnings: string[] = [];
    if (!aside) {
      await this.reopen();
      return warnings;
    }
    for (const { name, beside, settings, events } of this.swapped) {
      await dropPrograms(client, name);
      const [bad] = await createPrograms(
        client.address,
        [...(aside[name]?.fresh ?? []), eventsOf(name, events)],
        this.signal,
      );
      if (bad)
        throw new HozenError(
          'CONTENT_DIFFERS',
          { what: `${bad.program.kind} ${bad.program.name}` },
          { detail: bad.why },
        );
      const { encoding, collation, comment } = settings;
      const how = `CHARACTER SET ${client.literal(encoding)} COLLATE ${client.literal(collation)}`;
      await client.query(`ALTER DATABASE ${client.name(name)} ${how} COMMENT ${client.literal(comment)}`);
      await failpoint('restore.opened');
      await client.query(`DROP DATABASE IF EXISTS ${client.name(beside)}`);
    }
    for (const { name, kept } of this.swapped) {
      await dropPrograms(client, kept);
      for (const { program, why } of await createPrograms(client.address, aside[name]?.old ?? [], this.signal)) {
        warnings.push(
          warningText('restore.program-not-kept', {
            program: `${program.kind} ${program.name}`,
            kept,
            reason: why.split('\n').at(-1) ?? '',
          }),
        );
      }
      await client.query(`DROP TABLE IF EXISTS ${client.name(kept)}.${MARK}`);
    }
    await this.context.database.query(COMPLETE, [this.row.id, this.row.epoch]);
    await this.reopen();
    return warnings;
  }

  /** As it was before: the triggers are there again, and nothing beside. @throws HozenError when they are not */
  async undo(): Promise<void> {
    const { client } = this;
    const aside = await this.#setAside();
    if (aside) await client.query('SET GLOBAL read_only = ON');
    for (const { name, kept } of this.swapped) {
      const triggers = aside?.[name]?.triggers ?? [];
      if (triggers.length > 0) {
        await dropTriggers(client, name);
        const [bad] = await createPrograms(client.address, triggers, this.signal);
        if (bad) throw new HozenError('CONTENT_DIFFERS', { what: `triggers of ${name}` }, { detail: bad.why });
      }
      const [there] = (await mariadbDatabases(client)).filter((each) => each.name === kept);
      const isOurs = there?.comment === this.#comment(name);
      if (isOurs && (await client.query(TABLES, [kept])).length === 0) {
        await client.query(`DROP DATABASE IF EXISTS ${client.name(kept)}`);
      }
    }
    await this.reopen();
  }

  /** Everybody who might write before may write again. */
  async reopen(): Promise<void> {
    const { client, row, context } = this;
    const [found] = await context.database.query<{ closed: { limit: number }[] | null }[]>(
      'SELECT closed FROM restores WHERE id = $1',
      [row.id],
    );
    const before = found?.closed?.[0]?.limit;
    if (before === 0) await client.query('SET GLOBAL read_only = OFF');
    await context.database.query(FORGET, [row.id, row.epoch]);
  }

  async #setAside(): Promise<SetAside | undefined> {
    const [found] = await this.context.database.query<{ set_aside: SetAside | null }[]>(
      'SELECT set_aside FROM restores WHERE id = $1',
      [this.row.id],
    );
    return found?.set_aside ?? undefined;
  }

  #comment(name: string): string {
    return `${name} as it was before the hozen restore ${this.row.id}`.slice(0, 1024);
  }
}

/** Whether the tables of all of them have changed places. */
export async function isSwapped(client: MariadbClient, swapped: readonly Swapped[]): Promise<boolean> {
  const names = new Set((await mariadbDatabases(client)).map(({ name }) => name));
  for (const { beside, kept } of swapped) {
    if (!names.has(kept)) return false;
    const marks = await client.query(MARKED, [beside, MARK]);
    if (marks.length > 0) return false;
  }
  return true;
}

/** @param mark the database that the mark goes to instead */
async function movesOf(client: MariadbClient, from: string, to: string, mark = to): Promise<string[]> {
  const tables = await client.query<{ name: string }>(TABLES, [from]);
  return tables.map(({ name }) => {
    const into = name === MARK ? mark : to;
    return `${client.name(from)}.${client.name(name)} TO ${client.name(into)}.${client.name(name)}`;
  });
}

/** Transactions that are open would keep the tables. */
async function endSessions(client: MariadbClient, names: readonly string[]): Promise<void> {
  const sessions = await client.query<{ id: string }>(
    'SELECT id FROM information_schema.processlist WHERE db IN (?) AND id <> connection_id()',
    [names],
  );
  // They may end by themselves in this moment.
  for (const { id } of sessions) await client.query(`KILL ${Number(id)}`).catch(() => undefined);
}

function eventsOf(name: string, script: string): Program {
  return { kind: 'events', name, script };
}
