import { HozenError, type ProofFacts } from '@hozen/contracts';
import { formatLsn, parseLsn } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, corrupt, damaged } from '../artefact/artefact-file.js';
import { loadCrc32c } from '../artefact/crc32c.js';
import type { ManifestWal, WalRange } from '../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { pieceName } from '../methods/postgres-wal/log-pieces.js';
import { WalReader } from '../methods/postgres-wal/wal-reader.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';

/**
 * Reads a log back, record by record: every one has the checksum that the server gave it, and nothing is missing between
 * the places that the manifest names.
 * @throws HozenError CONTENT_DIFFERS, ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveLog(
  _job: BackupJob,
  artefact: CommittedArtefact,
  context: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<ProofFacts> {
  return inSpan('prove log', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const { wal } = artefact.manifest;
    if (!wal) throw corrupt(artefact.path, 'it is no log');
    await using file = await ArtefactFile.open(artefact);
    let [records, bytes] = [0, 0];
    let wholeUntil: bigint | undefined;
    for (const range of wal.ranges) {
      const reader = await readRange(file, wal, range, (more) => {
        context.signal.throwIfAborted();
        context.progress({ phase: 'comparing', bytes: (bytes += more), expectedBytes: artefact.originalBytes });
      });
      records += reader.records;
      wholeUntil = reader.wholeUntil ?? wholeUntil;
    }
    const found = formatLsn(wholeUntil ?? parseLsn(wal.wholeUntilLsn));
    if (records !== wal.records || found !== wal.wholeUntilLsn) {
      const what = `${records} records up to ${found} instead of ${wal.records} up to ${wal.wholeUntilLsn}`;
      throw new HozenError('CONTENT_DIFFERS', { what });
    }
    return { level: 'checksum', databases: 0, tables: 0, seconds: (performance.now() - started) / 1000 };
  });
}

async function readRange(
  file: ArtefactFile,
  { segmentBytes }: ManifestWal,
  { timeline, startLsn, endLsn }: WalRange,
  onBytes: (bytes: number) => void,
): Promise<WalReader> {
  const reader = new WalReader(parseLsn(startLsn), segmentBytes, await loadCrc32c());
  const end = parseLsn(endLsn);
  while (reader.lsn < end) {
    const name = pieceName(timeline, reader.lsn, segmentBytes);
    const before = reader.lsn;
    for await (const bytes of file.read(file.stream(name))) {
      try {
        reader.push(bytes);
      } catch (error) {
        throw damaged(file.path, name, error);
      }
      onBytes(bytes.length);
    }
    if (reader.lsn === before) throw corrupt(file.path, `${name} is empty`);
  }
  if (reader.lsn !== end) throw corrupt(file.path, `the WAL ends at ${formatLsn(reader.lsn)} instead of ${endLsn}`);
  return reader;
}
