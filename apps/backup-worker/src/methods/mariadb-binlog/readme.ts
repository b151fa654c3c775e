import { FLAVOUR_NAMES, type Flavour } from '@hozen/dbms';

const PROGRAMS = {
  mariadb: { reader: 'mariadb-binlog', client: 'mariadb', from: 'package mariadb-client', options: '' },
  // Without it the transactions would take numbers of the original, which a server without GTIDs refuses.
  mysql: { reader: 'mysqlbinlog', client: 'mysql', from: "MySQL's client", options: '--skip-gtids ' },
} as const;

/** `README.txt` of every copy of the binary log of a MariaDB or MySQL server. */
export function binlogReadmeOf(flavour: Flavour): string {
  const { reader, client, from, options } = PROGRAMS[flavour];
  return `These are files of the binary log of a ${FLAVOUR_NAMES[flavour]} server, copied by Hozen. They bring a restored backup of the server
forward, to any moment that they hold. You need sh, tar, gzip or zstd, and the programs ${reader} and ${client}
(${from}).

IN SHORT
  Restore a backup that was made before the moment, but let nobody in yet. FILE.manifest.json of that backup says
  under "mariadb.binlog" where in the binary log it lies: "file" and "position". Put the logs since then together,
  oldest first, none left out:

    tar -xOf LOG --occurrence=1 restore.sh > restore.sh
    sh restore.sh /var/tmp/binlog LOG...
    cd /var/tmp/binlog
    ${reader} ${options}--start-position=POSITION --stop-datetime='2026-01-31 09:15:00' FILE NEXT_FILE... |
      ${client} --binary-mode --comments

  FILE is that of the backup, and the files after it follow in order; --start-position counts in the first one. Without
  --stop-datetime it goes to the end. Times are those of the machine's zone (TZ).

WHAT IS IN IT
  binlog/NAME.binlog   a file of the binary log, whole
  index.json           where each stream lies in the file

  FILE.manifest.json says under "mariadb.binlogs" from which file to which it goes, up to which moment ("upTo"), which log it
  goes on from ("follows"), and what is missing before it ("gap").
`;
}
