import type { OptionFile } from '@hozen/dbms';

/** What mariadb-dump is asked for. Made again of what was restored, it must give the same text. */
export function dumpArguments(file: OptionFile, databases: readonly string[], position: boolean): string[] {
  return [
    file.argument,
    '--single-transaction',
    '--quick',
    '--routines',
    '--skip-triggers',
    '--hex-blob',
    '--tz-utc',
    '--default-character-set=utf8mb4',
    '--max-allowed-packet=1G',
    // Names of tables and databases stand in comments, where a line break in a name would end the comment.
    '--skip-comments',
    '--skip-dump-date',
    ...(position ? ['--master-data=2'] : []),
    '--databases',
    '--',
    ...databases,
  ];
}
