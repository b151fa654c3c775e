import type { TargetClient } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { isSqlStream } from '../artefact/artefact-index.js';
import { readToc } from '../parts/data-entries.js';
import type { TocEntry } from '../pipeline/custom-format.js';
import type { StoredDatabase } from '../restore/restore-plan.js';
import { storedRoles } from '../restore/role-statements.js';
import { findingsOf, inText, type Finding, type PolicyServer } from './findings.js';

const SERVER = `
  SELECT array(SELECT DISTINCT version.name::text
                 FROM pg_available_extension_versions AS version
                 JOIN pg_available_extensions AS extension
                   ON extension.name = version.name AND extension.default_version = version.version
                WHERE version.trusted) AS trusted,
         array(SELECT rolname::text FROM pg_roles WHERE rolsuper) AS superusers`;

/** @throws HozenError of the artefact and of the target */
export async function policyServer(client: TargetClient, file: ArtefactFile): Promise<PolicyServer> {
  const { rows } = await client.query<{ trusted: string[]; superusers: string[] }>(SERVER);
  const made = (await storedRoles(file)).flatMap(({ kind, roles: [role = ''], sql }) =>
    kind === 'alter' && / WITH SUPERUSER /.test(sql) ? [role] : [],
  );
  return { trusted: new Set(rows[0]?.trusted), superusers: new Set([...(rows[0]?.superusers ?? []), ...made]) };
}

/**
 * Of one database: of its definitions, and of what its streams of data say besides rows.
 * @throws HozenError of the artefact
 */
export async function databaseFindings(
  file: ArtefactFile,
  { name, folder, data }: Pick<StoredDatabase, 'name' | 'folder' | 'data'>,
  entries: Iterable<TocEntry> | AsyncIterable<TocEntry>,
  server: PolicyServer,
): Promise<Finding[]> {
  const sequences = file.index.databases.find((each) => each.folder === folder)?.sequences ?? [];
  const found: Finding[] = [];
  const look = (entry: TocEntry) => found.push(...findingsOf(entry, name, server));
  for await (const entry of entries) look(entry);
  for (const stream of data) {
    // SQL has no list of what is in it.
    if (isSqlStream(stream.name)) found.push({ kind: 'statement', name: 'SQL', where: name });
    else await readToc(file, stream, look);
  }
  for (const { schema, name: sequence, state } of sequences) {
    found.push(...inText(state, `SEQUENCE ${schema}.${sequence}`, server).map((each) => ({ ...each, where: name })));
  }
  return unique(found);
}

/** Of the roles that would be made. @throws HozenError of the artefact */
export async function roleFindings(
  file: ArtefactFile,
  made: readonly string[],
  server: PolicyServer,
): Promise<Finding[]> {
  const isMade = new Set(made);
  const statements = (await storedRoles(file)).filter(({ roles }) => roles.some((role) => isMade.has(role)));
  return unique(
    statements.flatMap(({ sql, roles }) =>
      inText(sql, `ROLE ${roles[0] ?? ''}`, server).map((each) => ({ ...each, where: 'roles' })),
    ),
  );
}

function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((each) => [JSON.stringify(each), each])).values()];
}
