import { objectsLocation, warningText } from '@hozen/contracts';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { Chosen } from '../choose-parent.js';
import type { DumpSummary } from '../dump-summary.js';
import type { FilesParent } from '../files/parent.js';
import { counted, type PathsWarning } from '../files/warnings.js';
import type { BucketTarget } from './check-target.js';
import type { Missed, ObjectReader } from './read-object.js';
import type { Noted, StoredObjects } from './stored-objects.js';

/** What a run found and wrote. */
export interface CopiedBucket {
  target: BucketTarget;
  chosen: Chosen<FilesParent>;
  reader: ObjectReader;
  stored: StoredObjects;
  missed: Record<Missed, Noted>;
  sha256: string;
  writer: ArtefactWriter;
  seconds: number;
}

export function bucketSummary(copied: CopiedBucket): DumpSummary {
  const { target, chosen, stored, missed, sha256, writer, seconds } = copied;
  const { spec, found } = target;
  const { paths, files, folders, bytes, storedPaths, storedBytes } = stored.counts;
  const { originalBytes } = writer;
  const place = objectsLocation(spec);
  return {
    format: 'hozen-files',
    originalBytes,
    databases: [],
    tables: 0,
    tablespaces: [],
    warnings: [...chosen.warnings, ...warningsOf(copied)],
    level: chosen.level,
    files: {
      facts: {
        path: place,
        paths,
        files,
        folders,
        links: 0,
        others: 0,
        bytes,
        stored: { paths: storedPaths, bytes: storedBytes },
        deleted: stored.deleted,
        skipped: {
          sockets: 0,
          excluded: found.excluded,
          unreadable: missed.unreadable.count,
          vanished: missed.vanished.count,
          elsewhere: 0,
          changed: stored.changed.count,
        },
        listing: { sha256 },
        ...(chosen.parent ? { parent: chosen.parent.manifest } : {}),
      },
    },
    server: {
      systemIdentifier: spec.endpoint === undefined ? place : `${spec.endpoint} ${place}`,
      version: '',
      major: 0,
      superuser: '',
      inRecovery: false,
      tools: 'S3',
    },
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}

function warningsOf({ stored, missed, reader }: CopiedBucket): string[] {
  const about = ({ count, first }: Noted, what: PathsWarning) => counted(count, first, what);
  return [
    ...about(missed.unreadable, 'refused'),
    ...about(missed.vanished, 'vanished'),
    ...about(stored.changed, 'replaced'),
    ...(reader.tagsRefused > 0 ? [warningText('tags.refused', { count: reader.tagsRefused })] : []),
  ];
}
