import { dirname } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { toolEnvironment, type PostgresAddress, type PostgresTools } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { sideBySide } from '../pipeline/side-by-side.js';
import { Slots } from '../pipeline/slots.js';
import { MANIFEST_SUFFIX } from '../storage/artefact-paths.js';
import { describe, type CommittedArtefact } from '../storage/committed-artefact.js';
import { readManifest } from '../storage/read-manifest.js';
import { storageOf } from '../storage/storage-of.js';
import type { Storage } from '../storage/storage.js';
import { SESSION_OPTIONS, type ClusterRestore } from './cluster-restore.js';
import { restoreDatabase } from './restore-database.js';
import { restoreRoles, restoreTablespaces } from './restore-globals.js';
import { isInitial, largestFirst, storedDatabases } from './restore-plan.js';

export interface RestoreOptions {
  /** The artefact, or the manifest that publishes it. */
  artefact: CommittedArtefact | { manifestPath: string; storage?: Storage };
  /** An empty server, where we are a superuser. */
  address: PostgresAddress;
  tools: PostgresTools;
  /** Processes at a time. */
  jobs: number;
  /** For small files; exists. */
  spoolDir: string;
  /** Create tablespaces inside the data directory instead of the folders of the original. */
  tablespacesInPlace?: boolean;
  signal?: AbortSignal;
  progress?: (update: { bytes: number; expectedBytes: number; item: string }) => void;
}

/**
 * Restores a whole cluster into an empty server: roles, tablespaces, and its databases side by side with pg_restore. Stops at the
 * first error; what was restored by then stays.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, and of the TARGET_ and TOOL_ codes
 */
export async function restoreCluster(options: RestoreOptions): Promise<void> {
  const artefact = 'manifest' in options.artefact ? options.artefact : await published(options.artefact);
  await inSpan('restore cluster', { attributes: { 'file.path': artefact.path } }, async () => {
    await using file = await ArtefactFile.open(artefact);
    const applicationName = 'hozen restore';
    await using env = await toolEnvironment({ ...options.address, database: 'postgres' }, { applicationName });
    const restore: ClusterRestore = {
      file,
      address: options.address,
      env: env.with({ PGOPTIONS: SESSION_OPTIONS.map((option) => `-c ${option}`).join(' ') }),
      tools: options.tools,
      jobs: options.jobs,
      slots: new Slots(options.jobs),
      spoolDir: options.spoolDir,
      tablespacesInPlace: options.tablespacesInPlace ?? false,
      applicationName,
      ...(options.signal ? { signal: options.signal } : {}),
      onBytes: counter(artefact.originalBytes, options.progress),
    };
    const setOwnPassword = await restoreRoles(restore);
    await restoreTablespaces(restore);
    const databases = await storedDatabases(file);
    // Each of them is made over a connection to another one, which nobody else may use then.
    for (const database of databases.filter(isInitial)) {
      options.signal?.throwIfAborted();
      await restoreDatabase(restore, database);
    }
    const others = databases.filter((database) => !isInitial(database));
    await sideBySide(largestFirst(others), options.jobs, options.signal, (database, signal) =>
      restoreDatabase({ ...restore, signal }, database),
    );
    await setOwnPassword();
  });
}

function counter(expectedBytes: number, progress: RestoreOptions['progress']): ClusterRestore['onBytes'] {
  let bytes = 0;
  return (more, item) => {
    bytes += more;
    progress?.({ bytes, expectedBytes, item });
  };
}

async function published(at: { manifestPath: string; storage?: Storage }): Promise<CommittedArtefact> {
  const { manifestPath, storage = storageOf({ kind: 'file', path: dirname(at.manifestPath) }) } = at;
  const manifest = await readManifest(storage, manifestPath.slice(0, -MANIFEST_SUFFIX.length), undefined);
  if (!manifest) throw new HozenError('ARTEFACT_MISSING', { path: manifestPath });
  return describe(manifestPath, manifest, storage);
}
