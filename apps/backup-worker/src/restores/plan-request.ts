import { HozenError, requireValid, RestoreRequested, TargetSpec, type RestorePlanView } from '@hozen/contracts';
import { connect } from '@hozen/dbms';
import type { DataSource } from 'typeorm';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer } from '../methods/postgres-logical/check-target.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { findSource, isSource } from './find-source.js';
import { planDirectory } from './plan-directory.js';
import { recoveryOf } from './recovery-of.js';
import { wrongMethod } from './wrong-method.js';
import { planRestore } from './plan-restore.js';

const APPLICATION = 'hozen restore plan';

/**
 * What a request would do, without asking for it.
 * @throws HozenError REQUEST_INVALID with every reason, NOT_FOUND, and of the target and the storage
 */
export async function planRequest(
  database: DataSource,
  body: unknown,
  restoreFolders: readonly string[],
): Promise<RestorePlanView> {
  const request = requireValid(RestoreRequested, body);
  const source = await database.transaction((manager) => findSource(manager, request));
  if (!isSource(source)) {
    throw new HozenError('REQUEST_INVALID', {}, { detail: `${source.field}: ${source.message}`, reasons: [source] });
  }
  const artefact = await publishedArtefact(source.path, source);
  if (request.directory !== undefined) {
    const { directory, point, run } = request;
    const recovery = point && (await recoveryOf(database, source.runId, point, run));
    return (await planDirectory({ source, artefact, directory, restoreFolders, recovery })).view;
  }
  if (artefact.manifest.format !== 'hozen-postgres-logical') {
    throw wrongMethod(request.target ?? '', artefact.manifest.format);
  }
  const [found] = await database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE target_name = $1', [
    request.target,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: request.target ?? '', list: 'configs' });
  const target = await checkServer(requireValid(TargetSpec, found.spec, 'CONFIG_INVALID'), APPLICATION);
  await using file = await ArtefactFile.open(artefact);
  await using client = await connect(target.address, { applicationName: APPLICATION });
  const wanted = (request.databases ?? []).map(({ name, as }) => ({ name, as: as ?? name }));
  // Awaited here: file and client must outlive it.
  return await planRestore({ source, artefact, file, target, client, targetName: request.target ?? '' }, wanted);
}
