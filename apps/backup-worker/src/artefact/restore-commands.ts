import type { DumpSummary } from '../methods/dump-summary.js';

/** How to restore the artefact by hand, in the folder where it stands. The name needs quotes, but no more (safe-name.ts). */
export function restoreCommands(file: string, { physical, wal }: Pick<DumpSummary, 'physical' | 'wal'>): string[] {
  const plain = file.replace(/\.age$/, '');
  return [
    `sha256sum -c '${file}.sha256'`,
    ...(plain === file ? [] : ['# KEY: the file with the private key', `age -d -i "$KEY" -o '${plain}' '${file}'`]),
    `tar -xOf '${plain}' --occurrence=1 restore.sh > restore.sh`,
    ...(wal
      ? ['# WAL: a folder that the restored server reads', `sh restore.sh "$WAL" '${plain}'`]
      : physical
        ? ontoDirectory(plain, physical.facts.parent?.file)
        : intoServer(plain)),
  ];
}

function ontoDirectory(file: string, parent: string | undefined): string[] {
  if (parent === undefined) return [`sh restore.sh "$DIRECTORY" '${file}'`];
  return [
    `# CHAIN: the backups that this one builds on, decrypted where they are encrypted: the full one first, '${parent}' last`,
    `sh restore.sh "$DIRECTORY" $CHAIN '${file}'`,
  ];
}

function intoServer(plain: string): string[] {
  return [
    '# PGHOST, PGPORT, PGUSER, PGPASSWORD: an empty server of the same major version, as a superuser',
    `sh restore.sh '${plain}'`,
  ];
}
