/** A file as `hozen apply` takes it, with one config that has a WAL archive. */
export function archiveFile(
  walArchive: Record<string, unknown>,
  config: Record<string, unknown> = {},
  target: Record<string, unknown> = { host: '127.0.0.1' },
): string {
  return JSON.stringify({
    targets: [{ name: 'erp', kind: 'postgres', ...target }],
    configs: [
      {
        name: 'erp-log',
        target: 'erp',
        method: 'postgres-wal',
        level: 'transaction_log',
        storage: { kind: 'file', path: '/srv/backups' },
        walArchive,
        ...config,
      },
    ],
  });
}
