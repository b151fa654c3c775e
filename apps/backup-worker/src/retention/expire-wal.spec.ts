import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { BackupConfiguration, FileStorageSpec, requireValid } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { segmentFile } from '../wal-archive/archive.fixture.js';
import { WalArchive } from '../wal-archive/wal-archive.js';
import { expireWal } from './expire-wal.js';

const SYSTEM = 7_000_000_000_000_000_001n;

let store: BackupStore;
let folder: TempDir;
let name: string;
let archive: WalArchive;

beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  name = `config-${randomUUID().slice(0, 8)}`;
  const walArchive = Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join('wal') });
  const storage = { kind: 'file', path: folder.join('backups') };
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name, kind: 'postgres', host: 'db.example.org' }],
    configs: [
      { name, target: name, method: 'postgres-wal', level: 'transaction_log', storage, walArchive },
      { name: `${name}-files`, target: name, method: 'postgres-physical', storage },
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  archive = await WalArchive.of({ walArchive, compressionLevel: 1 });
  for (const number of [16, 17, 18, 19]) await archive.push(await segmentFile(folder.join('server'), SYSTEM, number));
  await archive.push(await segmentFile(folder.join('server'), SYSTEM, 18, 2));
  await writeFile(folder.join('server/00000002.history'), '1\t0/1200000\tno recovery target specified\n');
  await archive.push(folder.join('server/00000002.history'));
});
afterEach(async () => {
  await store.database.query('TRUNCATE artefact_deletions, backup_artefacts, recovery_ranges CASCADE');
  await folder[Symbol.asyncDispose]();
});

/** A copy of the server's files that begins there, with its artefact's row. */
async function copy(startLsn: string, system = String(SYSTEM)): Promise<string> {
  const run = await store.request(`${name}-files`);
  await store.database.query(`UPDATE backup_runs SET state = 'completed', finished_at = now() WHERE id = $1`, [run.id]);
  const path = folder.join(`${run.id}.tar.gz`);
  await store.database.query(
    `INSERT INTO backup_artefacts
       (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
     VALUES ($1, $2, $2, $2, 1, 1, repeat('0', 64), '{"level":"checksum","databases":0,"tables":0,"seconds":0}', now())`,
    [run.id, path],
  );
  await store.database.query(
    `INSERT INTO recovery_ranges (run_id, kind, system_identifier, first_timeline, timeline, start_lsn, end_lsn, up_to)
     VALUES ($1, 'copy', $2, 1, 1, $3, $3, now())`,
    [run.id, system, startLsn],
  );
  return run.id;
}

async function standing(): Promise<string[]> {
  const names: string[] = [];
  for await (const each of archive.names()) names.push(each.name);
  return names;
}

it('archived WAL stays as long as a copy of the server that stands may need it', async () => {
  const all = await standing();
  expect(all).toHaveLength(6);
  // Nobody knows what is needed.
  expect(await expireWal(store.database)).toBe(0);
  const oldest = await copy('0/1100028');
  await copy('0/1200028');
  expect(await expireWal(store.database)).toBe(1);
  expect(await standing()).toEqual(all.filter((each) => !each.endsWith('00000010')));
  await store.database.query(`INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, '["old"]')`, [oldest]);
  expect(await expireWal(store.database)).toBe(1);
  // What lies before on the old timeline is gone, on both what leads on stays, and how the new one came about.
  expect((await standing()).map((each) => each.slice(-8))).toEqual(['00000012', '00000013', '.history', '00000012']);
});

it('archived WAL of a cluster that has no copy is left alone', async () => {
  await copy('0/1900028', '42');
  expect(await expireWal(store.database)).toBe(0);
  expect(await standing()).toHaveLength(6);
});
