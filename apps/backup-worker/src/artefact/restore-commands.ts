import type { DumpSummary } from '../methods/dump-summary.js';

/** How to restore the artefact by hand, in the folder where it stands. The name needs quotes, but no more (safe-name.ts). */
export function restoreCommands(
  file: string,
  summary: Pick<DumpSummary, 'physical' | 'wal' | 'mariadb' | 'files' | 'sql'>,
): string[] {
  const plain = file.replace(/\.age$/, '');
  return [
    `sha256sum -c '${file}.sha256'`,
    ...(plain === file ? [] : ['# KEY: the file with the private key', `age -d -i "$KEY" -o '${plain}' '${file}'`]),
    ...(summary.sql
      ? asSql(plain)
      : [`tar -xOf '${plain}' --occurrence=1 restore.sh > restore.sh`, ...commandsFor(plain, summary)]),
  ];
}

function commandsFor(
  plain: string,
  { physical, wal, mariadb, files }: Parameters<typeof restoreCommands>[1],
): string[] {
  const copied = physical ?? files;
  if (copied) return ontoDirectory(plain, copied.facts.parent?.file);
  if (wal) return ['# WAL: a folder that the restored server reads', `sh restore.sh "$WAL" '${plain}'`];
  if (mariadb?.binlogs)
    return ['# BINLOG: a folder; README.txt says how to go on', `sh restore.sh "$BINLOG" '${plain}'`];
  if (mariadb?.files) return ontoDirectory(plain, mariadb.files.parent?.file);
  if (mariadb) return ['# OPTIONS: of the program mariadb, for an empty server', `sh restore.sh '${plain}' $OPTIONS`];
  return intoServer(plain);
}

function ontoDirectory(file: string, parent: string | undefined): string[] {
  if (parent === undefined) return [`sh restore.sh "$DIRECTORY" '${file}'`];
  return [
    `# CHAIN: the backups that this one builds on, decrypted where they are encrypted: the full one first, '${parent}' last`,
    `sh restore.sh "$DIRECTORY" $CHAIN '${file}'`,
  ];
}

function asSql(plain: string): string[] {
  const unpack = /\.(gz|zst)$/.exec(plain)?.[1];
  const read = unpack === undefined ? `cat '${plain}'` : `${unpack === 'gz' ? 'gunzip -c' : 'zstd -dc'} '${plain}'`;
  return [
    '# PGHOST, PGPORT, PGUSER, PGPASSWORD: an empty server of the same major version, as a superuser',
    `${read} | PGOPTIONS='-c default_transaction_read_only=off' psql -X -q -o /dev/null -d postgres`,
  ];
}

function intoServer(plain: string): string[] {
  return [
    '# PGHOST, PGPORT, PGUSER, PGPASSWORD: an empty server of the same major version, as a superuser',
    `sh restore.sh '${plain}'`,
  ];
}
