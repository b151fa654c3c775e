import { execFileSync } from 'node:child_process';

/** What a folder takes, in MB (10^6 bytes); 0 where there is none. */
export function folderMb(folder: string): number {
  const output = execFileSync('sh', ['-c', `du -sb '${folder}' 2>/dev/null | cut -f1`]).toString();
  return Number(output || 0) / 1e6;
}
