import type { Flavour, OptionFile } from '@hozen/dbms';

/** What only one of the programs knows. */
const OWN: Readonly<Record<Flavour, { always: readonly string[]; position: readonly string[] }>> = {
  mariadb: { always: [], position: ['--master-data=2'] },
  mysql: {
    always: [
      // A restore writes transactions of its own, under numbers of the server that it goes to.
      '--set-gtid-purged=OFF',
      // Of log files of NDB alone; they would need another right.
      '--no-tablespaces',
      '--column-statistics',
    ],
    position: ['--source-data=2'],
  },
};

export interface DumpOptions {
  /** Whether the place in the binary log is told. */
  position?: boolean;
  /** Tables and views, `database.name`. */
  without?: readonly string[];
}

/** What mariadb-dump or mysqldump is asked for. Made again of what was restored, it must give the same text. */
export function dumpArguments(
  flavour: Flavour,
  file: OptionFile,
  databases: readonly string[],
  { position = false, without = [] }: DumpOptions = {},
): string[] {
  const own = OWN[flavour];
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
    ...own.always,
    ...(position ? own.position : []),
    ...without.map((name) => `--ignore-table=${name}`),
    '--databases',
    '--',
    ...databases,
  ];
}
