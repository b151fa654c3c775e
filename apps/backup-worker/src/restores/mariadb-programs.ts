import { HozenError } from '@hozen/contracts';
import { targetParams, type AnsweringMariadb, type MariadbClient } from '@hozen/dbms';
import { section, triggersScript, type ProgramSettings } from '../methods/mariadb-logical/stored-programs.js';
import { SCRIPT_HEAD } from '../methods/mariadb-logical/users-script.js';
import { loadMariadb } from '../restore/load-mariadb.js';

/** Something in a database that is no table, and the script that makes it. */
export interface Program {
  kind: 'routine' | 'view' | 'triggers' | 'events';
  name: string;
  script: string;
}

const ROUTINES = `
  SELECT routine_name AS name, routine_type AS kind FROM information_schema.routines
   WHERE routine_schema = ? ORDER BY routine_type = 'PACKAGE BODY', routine_name`;
const VIEWS = `SELECT table_name AS name FROM information_schema.views WHERE table_schema = ? ORDER BY 1`;
const TRIGGERS = `SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = ?`;
const EVENTS = `SELECT event_name AS name FROM information_schema.events WHERE event_schema = ?`;

/**
 * The routines, views and triggers of a database, as scripts that make them in another one.
 * @param into the name of that one
 */
export async function programsOf(client: MariadbClient, database: string, into: string): Promise<Program[]> {
  // What a statement says of its own database is left out only there.
  await client.query(`USE ${client.name(database)}`);
  const programs: Program[] = [];
  for (const { name, kind } of await client.query<{ name: string; kind: string }>(ROUTINES, [database])) {
    const text = await definition(
      client,
      `SHOW CREATE ${kind} ${client.name(name)}`,
      /^Create (Procedure|Function|Package)/,
    );
    programs.push({ kind: 'routine', name, script: scriptOf(client, into, text) });
  }
  for (const { name } of await client.query<{ name: string }>(VIEWS, [database])) {
    const text = await definition(client, `SHOW CREATE VIEW ${client.name(name)}`, /^Create View$/);
    programs.push({ kind: 'view', name, script: scriptOf(client, into, text) });
  }
  const triggers = await triggersScript(client, [database], into);
  if (triggers !== SCRIPT_HEAD) programs.push({ kind: 'triggers', name: database, script: triggers });
  return programs;
}

type Definition = ProgramSettings & { text: string };

async function definition(client: MariadbClient, sql: string, column: RegExp): Promise<Definition> {
  const [row = {}] = await client.query<Record<string, string>>(sql);
  const text = Object.entries(row).find(([name]) => column.test(name))?.[1];
  if (text == null) throw new HozenError('TARGET_RIGHTS_MISSING', targetParams(client.address), { detail: sql });
  return { text, sql_mode: row['sql_mode'] ?? '', collation_connection: row['collation_connection'] ?? '' };
}

function scriptOf(client: MariadbClient, into: string, { text, ...settings }: Definition): string {
  return SCRIPT_HEAD + section(client, into, settings, text);
}

/** Everything in a database that is no table. */
export async function dropPrograms(client: MariadbClient, database: string): Promise<void> {
  const name = (each: string) => `${client.name(database)}.${client.name(each)}`;
  for (const { name: event } of await client.query<{ name: string }>(EVENTS, [database])) {
    await client.query(`DROP EVENT IF EXISTS ${name(event)}`);
  }
  await dropTriggers(client, database);
  for (const { name: view } of await client.query<{ name: string }>(VIEWS, [database])) {
    await client.query(`DROP VIEW IF EXISTS ${name(view)}`);
  }
  for (const routine of await client.query<{ name: string; kind: string }>(ROUTINES, [database])) {
    await client.query(`DROP ${routine.kind} IF EXISTS ${name(routine.name)}`);
  }
}

export async function dropTriggers(client: MariadbClient, database: string): Promise<void> {
  for (const { name } of await client.query<{ name: string }>(TRIGGERS, [database])) {
    await client.query(`DROP TRIGGER IF EXISTS ${client.name(database)}.${client.name(name)}`);
  }
}

/**
 * Makes programs. Views may need one another: those that fail are tried again as long as others are made.
 * @returns those that the server refuses, with its words
 * @throws HozenError of the TARGET_ codes; the signal's reason
 */
export async function createPrograms(
  address: AnsweringMariadb,
  programs: readonly Program[],
  signal: AbortSignal,
): Promise<{ program: Program; why: string }[]> {
  const refused: { program: Program; why: string }[] = [];
  for (const program of programs) {
    try {
      await loadMariadb(address, bytesOf(program.script), signal);
    } catch (error) {
      if (!(error instanceof HozenError) || error.code !== 'TOOL_FAILED') throw error;
      refused.push({ program, why: error.detail ?? error.message });
    }
  }
  if (refused.length === 0 || refused.length === programs.length) return refused;
  return createPrograms(
    address,
    refused.map(({ program }) => program),
    signal,
  );
}

async function* bytesOf(script: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(script));
}
