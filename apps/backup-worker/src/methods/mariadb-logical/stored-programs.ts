import type { MariadbClient } from '@hozen/dbms';
import { SCRIPT_HEAD } from './users-script.js';

/** What a stored program is created under. */
export interface ProgramSettings {
  sql_mode: string;
  collation_connection: string;
  time_zone?: string;
}

interface EventName {
  db: string;
  name: string;
}

type StoredEvent = ProgramSettings & { 'Create Event': string };

const EVENTS = `
  SELECT event_schema AS db, event_name AS name FROM information_schema.events
   WHERE event_schema NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys') ORDER BY 1, 2`;

/**
 * A script that creates all events, or those of some databases. mariadb-dump could write them, but it fails for databases
 * whose names hold a quote, a backslash or a line break.
 */
export async function eventsScript(client: MariadbClient, databases?: readonly string[]): Promise<string> {
  const names = await client.query<EventName>(EVENTS);
  const parts: string[] = [SCRIPT_HEAD];
  for (const { db, name } of names.filter((each) => databases?.includes(each.db) ?? true)) {
    const [event] = await client.query<StoredEvent>(`SHOW CREATE EVENT ${client.name(db)}.${client.name(name)}`);
    if (event) parts.push(section(client, db, event, event['Create Event']));
  }
  return parts.join('');
}

interface StoredTrigger extends ProgramSettings {
  db: string;
  name: string;
  moment: string;
  event: string;
  onTable: string;
  body: string;
  /** `user@host`, unquoted. */
  definer: string;
}

const TRIGGERS = `
  SELECT trigger_schema AS db, trigger_name AS name, action_timing AS moment, event_manipulation AS event,
         event_object_table AS onTable, action_statement AS body, definer AS definer, sql_mode AS sql_mode,
         collation_connection AS collation_connection
    FROM information_schema.triggers
   WHERE trigger_schema NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')
   ORDER BY trigger_schema, event_object_table, action_timing, event_manipulation, action_order`;

/**
 * A script that creates all triggers, or those of some databases, in the order in which they act. mariadb-dump would write
 * them as they were typed once, and so perhaps into the database that was named then.
 * @param into a database that they are created in instead
 */
export async function triggersScript(
  client: MariadbClient,
  databases?: readonly string[],
  into?: string,
): Promise<string> {
  const triggers = await client.query<StoredTrigger>(TRIGGERS);
  const wanted = triggers.filter(({ db }) => databases?.includes(db) ?? true);
  return [SCRIPT_HEAD, ...wanted.map((each) => section(client, into ?? each.db, each, triggerText(client, each)))].join(
    '',
  );
}

function triggerText(client: MariadbClient, { name, moment, event, onTable, body, definer }: StoredTrigger): string {
  const at = definer.lastIndexOf('@');
  const [user, host] = at < 0 ? [definer, ''] : [definer.slice(0, at), definer.slice(at + 1)];
  // A role has no host; under an empty one it would be a user whom nobody knows.
  const by = host === '' ? client.name(user) : `${client.name(user)}@${client.name(host)}`;
  const what = `TRIGGER ${client.name(name)} ${moment} ${event} ON ${client.name(onTable)} FOR EACH ROW`;
  return `CREATE DEFINER=${by} ${what} ${body}`;
}

export function section(client: MariadbClient, database: string, settings: ProgramSettings, text: string): string {
  const { collation_connection: collation, sql_mode: mode, time_zone: zone } = settings;
  const set = [
    `collation_connection = ${client.literal(collation)}`,
    `sql_mode = ${client.literal(mode)}`,
    ...(zone === undefined ? [] : [`time_zone = ${client.literal(zone)}`]),
  ];
  const delimiter = delimiterFor(text);
  const use = `USE ${client.name(database)};\nSET ${set.join(', ')};\n`;
  return `${use}DELIMITER ${delimiter}\n${text}${delimiter}\nDELIMITER ;\n`;
}

/** One that does not stand in the text. */
function delimiterFor(text: string): string {
  let delimiter = ';;';
  while (text.includes(delimiter)) delimiter += ';';
  return delimiter;
}
