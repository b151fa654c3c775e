import { basename } from 'node:path';
import type { Compression } from '@hozen/contracts';
import type { WrittenArtefact } from './artefact-writer.js';
import type { Manifest } from './manifest.js';

/** A manifest for an artefact that a test wrote. */
export function manifestFor(path: string, written: WrittenArtefact, compression: Compression): Manifest {
  const { bytes, originalBytes, sha256, index } = written;
  return {
    format: 'hozen-postgres-logical',
    version: 1,
    runId: '00000000-0000-4000-8000-000000000001',
    epoch: 1,
    attempt: 1,
    config: 'nightly',
    target: { name: 'shop', systemIdentifier: '7000000000000000000' },
    level: 'full',
    trigger: 'manual',
    startedAt: '2026-01-02T03:04:05.000Z',
    committedAt: '2026-01-02T03:05:05.000Z',
    postgres: { version: '15.20', major: 15, superuser: 'postgres', inRecovery: false },
    tools: '15.20',
    compression,
    artefact: { file: basename(path), bytes, originalBytes, sha256 },
    index,
    databases: [],
    tablespaces: [],
    warnings: [],
    restore: [],
  };
}
