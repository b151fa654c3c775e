import type { DeliveryView, RunView } from '@hozen/contracts';

export const RUN_ID = '5c0f0a3e-9f39-4d39-8a53-0f6d2f0c8f11';

export function runView(changes: Partial<RunView> = {}): RunView {
  return {
    id: RUN_ID,
    requestId: 'request-1',
    config: 'nightly',
    target: 'sample',
    level: 'full',
    trigger: 'manual',
    state: 'running',
    queuedAt: '2026-11-21T00:00:00Z',
    startedAt: '2026-11-21T00:00:01Z',
    attempts: [{ attempt: 1, startedAt: '2026-11-21T00:00:01Z', status: 'running' }],
    warnings: [],
    traceId: 'ab'.repeat(16),
    ...changes,
  };
}

export function provenRun(changes: Partial<RunView> = {}): RunView {
  return runView({
    state: 'completed',
    finishedAt: '2026-11-21T00:00:09Z',
    bytesPerSecond: 85_300_000,
    attempts: [
      { attempt: 1, startedAt: '2026-11-21T00:00:01Z', finishedAt: '2026-11-21T00:00:09Z', status: 'success' },
    ],
    artefact: {
      path: '/backups/manual/20261121_090001_nightly.tar.gz',
      manifestPath: '/backups/manual/20261121_090001_nightly.tar.gz.manifest.json',
      checksumPath: '/backups/manual/20261121_090001_nightly.tar.gz.sha256',
      bytes: 4_200_000,
      originalBytes: 12_345_678,
      sha256: '0'.repeat(64),
      proof: { level: 'restore', databases: 2, tables: 9, seconds: 3.2, provenAt: '2026-11-21T00:00:09Z' },
    },
    ...changes,
  });
}

export function delivery(changes: Partial<DeliveryView> = {}): DeliveryView {
  return {
    id: '1',
    eventId: 'event-1',
    eventType: 'backup.completed',
    runId: RUN_ID,
    channel: 'email',
    recipient: 'dba',
    destination: 'dba@localhost',
    state: 'sent',
    attempts: 1,
    ...changes,
  };
}
