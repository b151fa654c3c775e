import { FLAVOUR_NAMES, type Flavour } from '@hozen/dbms';

const PROGRAMS = {
  mariadb: { client: 'mariadb', dump: 'mariadb-dump', from: 'package mariadb-client' },
  mysql: { client: 'mysql', dump: 'mysqldump', from: "MySQL's client, not MariaDB's" },
} as const;

/** `README.txt` of every dump of a MariaDB or MySQL server: for whoever finds the file and has nothing else. */
export function readmeOf(flavour: Flavour): string {
  const name = FLAVOUR_NAMES[flavour];
  const { client, dump, from } = PROGRAMS[flavour];
  const sequences = flavour === 'mariadb' ? ', sequences' : '';
  return `This is a dump of all databases of a ${name} server, made by Hozen. It can be restored without Hozen,
with what every Debian has: sh, tar, gzip or zstd, and the program ${client} (${from}).

IN SHORT
  You need a ${name} server of the same version or a newer one, where you may do everything, with none
  of these databases in it. In the folder of the backup file, called FILE here:

    sha256sum -c FILE.sha256
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh FILE --host=... --user=root

  What stands after FILE is handed to the program ${client}; a password belongs into a file, see
  --defaults-file. restore.sh changes nothing in a server that has databases already; it says so and ends.

WHAT IS IN IT
  dump.sql       all databases at one moment (${dump} --single-transaction): tables, rows, views,
                 routines${sequences}
  users.sql      users, roles and their rights. It holds password hashes.
  triggers.sql   triggers, in the order in which they act
  events.sql     events
  unusable-views.sql   only where the server has views that it cannot use itself, because of a table, a
                 column, a function or a user that is gone: their definitions. restore.sh passes them over.
  content.json   SHA-256 of the rows of every table as they stand in dump.sql
  index.json     where each stream lies in the file

  A stream longer than a few megabytes is cut into numbered entries (dump.sql.000000, ...). This gives it
  back whole:

    tar -xOf FILE --wildcards 'dump.sql*' > dump.sql

STEP BY STEP, AS restore.sh DOES IT
  1. users.sql is given to ${client} --binary-mode --force: views are made with the rights of those who
     define the views in them. Errors do not count yet: rights on tables need the tables.
  2. dump.sql is given to ${client} --binary-mode --comments: commands of the client in it do nothing, and
     comments in routines stay.
  3. users.sql again, without --force. Users that are there already stay as they are.
  4. triggers.sql, then events.sql like dump.sql. Events begin to run at once where event_scheduler is on.

  One database alone: ${client} --comments --one-database NAME < dump.sql. FILE.manifest.json says under "mariadb" where
  in the binary log the moment of the dump lies.
`;
}
