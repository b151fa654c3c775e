import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { walFileName } from '@hozen/dbms';

const SEGMENT = 1 << 20;

/** A WAL file of 1 MB that begins as a server's does, and is empty. @returns its path */
export async function segmentFile(folder: string, system: bigint, number: number, timeline = 1): Promise<string> {
  const start = BigInt(number * SEGMENT);
  const content = Buffer.alloc(SEGMENT);
  content.writeUInt16LE(2, 2);
  content.writeUInt32LE(timeline, 4);
  content.writeBigUInt64LE(start, 8);
  content.writeBigUInt64LE(system, 24);
  content.writeUInt32LE(SEGMENT, 32);
  const path = join(folder, walFileName(timeline, start, SEGMENT));
  await mkdir(folder, { recursive: true });
  await writeFile(path, content);
  return path;
}

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
