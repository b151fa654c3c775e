import {
  HozenError,
  isS3Target,
  isServerTarget,
  requireValid,
  RestoreRequested,
  type AnyTargetSpec,
  type RestorePlanView,
  type TargetKind,
} from '@hozen/contracts';
import { connect, connectMariadb, inspectMariadb, mariadbAddressOf } from '@hozen/dbms';
import type { DataSource } from 'typeorm';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { ManifestFormat } from '../artefact/manifest.js';
import { ensureRights } from '../methods/mariadb-logical/inspect-target.js';
import { checkServer } from '../methods/postgres-logical/check-target.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { storedTarget } from '../store/stored-target.js';
import { wrongDatabases } from './accept-restore.js';
import { tellBad } from './bad-source.js';
import { planBucket } from './plan-bucket.js';
import { findSource, isSource, type RestoreSource } from './find-source.js';
import { planDelta } from './plan-delta.js';
import { planDirectory } from './plan-directory.js';
import { recoveryOf } from './recovery-of.js';
import { planInPlace } from './plan-in-place.js';
import { planMerge } from './restore-into-database.js';
import { planMariadb, planWholeMariadb } from './plan-mariadb.js';
import { IN_PLACE_RIGHTS, planMariadbInPlace } from './plan-mariadb-in-place.js';
import { planTreeInPlace } from './plan-tree-in-place.js';
import { planRestore, planWhole } from './plan-restore.js';
import { isPartOf, wantedDatabase } from './restore-row.js';
import { intoFolder, notInPlace, wrongMethod, wrongParts } from './wrong-method.js';

const APPLICATION = 'hozen restore plan';

/** What can be restored into a server of each kind. */
const LOGICAL: Readonly<Partial<Record<TargetKind, ManifestFormat>>> = {
  postgres: 'hozen-postgres-logical',
  mariadb: 'hozen-mariadb-logical',
};

/**
 * What a request would do, without asking for it.
 * @param spoolRoot where there must be room for objects; not looked at, where it is not given
 * @throws HozenError REQUEST_INVALID with every reason, NOT_FOUND, and of the target and the storage
 */
export async function planRequest(
  database: DataSource,
  body: unknown,
  restoreFolders: readonly string[],
  spoolRoot?: string,
): Promise<RestorePlanView> {
  const request = requireValid(RestoreRequested, body);
  const source = await database.transaction((manager) => findSource(manager, request));
  if (!isSource(source)) {
    throw new HozenError('REQUEST_INVALID', {}, { detail: `${source.field}: ${source.message}`, reasons: [source] });
  }
  const view = await planFrom(source, database, request, restoreFolders, spoolRoot);
  return tellBad(database.manager, source, view);
}

async function planFrom(
  source: RestoreSource,
  database: DataSource,
  request: RestoreRequested,
  restoreFolders: readonly string[],
  spoolRoot: string | undefined,
): Promise<RestorePlanView> {
  const artefact = await publishedArtefact(source.path, source);
  const { manager } = database;
  const allow = request.allow ?? [];
  if (request.directory !== undefined) {
    const { directory, point, run } = request;
    if (request.delta) return (await planDelta({ source, artefact, directory, restoreFolders, manager, allow })).view;
    if (request.inPlace) {
      return (await planTreeInPlace({ source, artefact, directory, restoreFolders, manager, allow })).view;
    }
    const recovery = point && (await recoveryOf(database, source.runId, point, run));
    return (await planDirectory({ source, artefact, directory, restoreFolders, recovery, manager, allow })).view;
  }
  const targetName = request.target ?? '';
  const wanted = (request.databases ?? []).map(wantedDatabase);
  const spec = await specOf(database, targetName);
  const wrong = wrongDatabases(spec.kind, wanted, request.whole);
  if (wrong[0]) throw new HozenError('REQUEST_INVALID', {}, { detail: wrong[0].message, reasons: wrong });
  if (isS3Target(spec)) return (await planBucket({ source, artefact, spec, spoolRoot, allow })).view;
  if (!isServerTarget(spec)) throw intoFolder(targetName);
  const { format } = artefact.manifest;
  if (format !== LOGICAL[spec.kind]) throw wrongMethod(targetName, format);
  if (spec.kind === 'mariadb') {
    if (wanted.some(isPartOf)) throw wrongParts(targetName);
    await using server = await connectMariadb(await mariadbAddressOf(spec));
    if (request.inPlace && server.flavour === 'mysql') throw notInPlace(targetName);
    const facts = await inspectMariadb(server, request.inPlace ? IN_PLACE_RIGHTS : undefined);
    if (request.inPlace) ensureRights(server.address, facts);
    await using file = await ArtefactFile.open(artefact);
    const row = { databases: wanted, whole: request.whole ?? false, target_name: targetName, allow };
    const ground = { source, artefact, file, client: server, facts, row };
    if (request.inPlace) return await planMariadbInPlace(ground, manager);
    return request.whole ? (await planWholeMariadb(ground)).view : await planMariadb(ground);
  }
  const target = await checkServer(spec, APPLICATION);
  await using file = await ArtefactFile.open(artefact);
  await using client = await connect(target.address, { applicationName: APPLICATION });
  // Awaited here: file and client must outlive it.
  const ground = { source, artefact, file, target, client, targetName, allow };
  if (request.inPlace) return await planInPlace(ground, wanted, manager);
  if (wanted[0]?.into) return (await planMerge(ground, wanted[0])).plan;
  return request.whole ? await planWhole(ground) : await planRestore(ground, wanted);
}

async function specOf(database: DataSource, name: string): Promise<AnyTargetSpec> {
  const [found] = await database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE target_name = $1', [
    name,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: name, list: 'configs' });
  return storedTarget(found.spec);
}
