import type { MariadbClient } from '@hozen/dbms';

interface StoredEvent {
  sql_mode: string;
  time_zone: string;
  'Create Event': string;
  collation_connection: string;
}

const EVENTS = `
  SELECT event_schema AS db, event_name AS name FROM information_schema.events
   WHERE event_schema NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys') ORDER BY 1, 2`;

/**
 * A script that creates all events. mariadb-dump could write them, but it fails for databases whose names hold a quote, a
 * backslash or a line break.
 */
export async function eventsScript(client: MariadbClient): Promise<string> {
  const names = await client.query<{ db: string; name: string }>(EVENTS);
  const parts = ['SET NAMES utf8mb4;\n'];
  for (const { db, name } of names) {
    const [event] = await client.query<StoredEvent>(`SHOW CREATE EVENT ${client.name(db)}.${client.name(name)}`);
    if (event) parts.push(eventText(client.name(db), event));
  }
  return parts.join('\n');
}

function eventText(database: string, event: StoredEvent): string {
  const text = event['Create Event'];
  const delimiter = delimiterFor(text);
  const settings = [
    `collation_connection = ${quoted(event.collation_connection)}`,
    `sql_mode = ${quoted(event.sql_mode)}`,
    `time_zone = ${quoted(event.time_zone)}`,
  ];
  return `USE ${database};\nSET ${settings.join(', ')};\nDELIMITER ${delimiter}\n${text}${delimiter}\nDELIMITER ;\n`;
}

/** One that does not stand in the text. */
function delimiterFor(text: string): string {
  let delimiter = ';;';
  while (text.includes(delimiter)) delimiter += ';';
  return delimiter;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
