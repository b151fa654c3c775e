import type { TargetSpec } from '@hozen/contracts';
import { addressOf, connect, connectMariadb, mariadbAddressOf, sessionName } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';

/** What a server runs with, as a text that is the same as long as that is. */
export interface ServerSettings {
  /** Of the target. */
  name: string;
  text: string;
}

/** The version too: an upgrade changes settings. Of what our own session has set, what it would be without it. */
const POSTGRES_SETTINGS = `
  SELECT name, CASE source WHEN 'session' THEN reset_val ELSE current_setting(name) END AS value,
         CASE source WHEN 'session' THEN 'server' ELSE source END AS source
    FROM pg_catalog.pg_settings
   WHERE source NOT IN ('default', 'override', 'client', 'session') OR name = 'server_version'
      OR (source = 'session' AND reset_val IS DISTINCT FROM boot_val)
   ORDER BY name COLLATE "C"`;

/** Of databases and roles (ALTER DATABASE, ALTER ROLE … SET). */
const POSTGRES_ROLE_SETTINGS = `
  SELECT coalesce(quote_ident(d.datname), '*') AS database, coalesce(quote_ident(r.rolname), '*') AS role, unnest(s.setconfig) AS setting
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
   ORDER BY 1, 2, 3`;

/** The rules that count (pg_hba.conf), wherever the file is. For superusers. */
const POSTGRES_RULES = `
  SELECT array_to_string(database, ',') AS database, array_to_string(user_name, ',') AS users, type,
         coalesce(address, '') || coalesce('/' || netmask, '') AS address, auth_method AS method,
         coalesce(array_to_string(options, ' '), '') AS options
    FROM pg_catalog.pg_hba_file_rules WHERE error IS NULL ORDER BY line_number`;

const MAY_READ_RULES = `SELECT has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE') AS may`;

/** Positions go on with every transaction. */
const MARIADB_SETTINGS = `
  SELECT LOWER(VARIABLE_NAME) AS name, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS source
    FROM information_schema.SYSTEM_VARIABLES
   WHERE GLOBAL_VALUE IS NOT NULL AND VARIABLE_NAME NOT LIKE 'GTID%POS' AND VARIABLE_NAME NOT LIKE 'GTID%STATE'
     AND (GLOBAL_VALUE_ORIGIN IN ('CONFIG', 'COMMAND-LINE', 'SQL') OR VARIABLE_NAME = 'VERSION')
   ORDER BY 1`;

interface Setting {
  name: string;
  value: string;
  source: string;
}

/** @throws HozenError of the TARGET_ codes */
export async function readSettings(
  job: BackupJob,
  servers: readonly TargetSpec[],
  { progress, signal }: Pick<AttemptContext, 'progress' | 'signal'>,
): Promise<ServerSettings[]> {
  const found: ServerSettings[] = [];
  for (const server of servers) {
    signal.throwIfAborted();
    progress({ phase: 'dumping', item: server.name });
    const settings = server.kind === 'mariadb' ? mariadbSettings(server) : postgresSettings(job, server);
    const attributes = { 'hozen.target': server.name };
    found.push({ name: server.name, text: await inSpan('read settings', { attributes }, () => settings) });
  }
  return found;
}

async function postgresSettings({ runId, epoch }: BackupJob, server: TargetSpec): Promise<string> {
  await using client = await connect(await addressOf(server), { applicationName: sessionName(runId, epoch) });
  const { rows: settings } = await client.query<Setting>(POSTGRES_SETTINGS);
  const { rows: roles } = await client.query<Record<'database' | 'role' | 'setting', string>>(POSTGRES_ROLE_SETTINGS);
  const { rows: may } = await client.query<{ may: boolean }>(MAY_READ_RULES);
  const { rows: rules } = may[0]?.may
    ? await client.query<Record<string, string>>(POSTGRES_RULES)
    : { rows: undefined };
  return [
    `# Settings that the server of target ${server.name} runs with, but for the built-in defaults.`,
    ...settings.map(settingLine),
    '',
    '# Of databases and roles (* is any): database, role, setting.',
    ...roles.map(({ database, role, setting }) => `${database} ${role} ${oneLine(setting)}`),
    '',
    rules ? '# Rules for who may connect (pg_hba.conf).' : '# The rules for who may connect may not be read.',
    ...(rules ?? []).map(({ type, database, users, address, method, options }) =>
      oneLine([type, database, users, address, method, options].filter((each) => each !== '').join(' ')),
    ),
    '',
  ].join('\n');
}

async function mariadbSettings(server: TargetSpec): Promise<string> {
  await using client = await connectMariadb(await mariadbAddressOf(server));
  const settings = await client.query<Setting>(MARIADB_SETTINGS);
  return [
    `# Settings that the server of target ${server.name} runs with, but for the built-in defaults.`,
    ...settings.map(settingLine),
    '',
  ].join('\n');
}

function settingLine({ name, value, source }: Setting): string {
  return `${name} = '${oneLine(value).replaceAll("'", "''")}' # ${source.toLowerCase()}`;
}

function oneLine(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`);
}
