/** `README.txt` of every artefact: for whoever finds the file and has nothing else. */
export const README = `This is a backup of a PostgreSQL cluster, made by Hozen: of all of it, or of a part; then the
manifest beside it says under "parts" what is not in it. It can be restored without Hozen, with what
every Debian has: sh, tar, gzip or zstd, psql and pg_restore (package postgresql-client).

IN SHORT
  You need an empty PostgreSQL server of the same major version (see cluster.json), where you may
  connect as a superuser. In the folder of the backup file, called FILE here:

    sha256sum -c FILE.sha256
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    PGHOST=... PGPORT=... PGUSER=... sh restore.sh FILE 4

  4 is the number of jobs side by side. There must be a folder for every tablespace first: see below.
  restore.sh changes nothing in a server that holds databases or tables already; it says so and ends.

  sh restore.sh --sql FILE writes it as plain SQL instead, as pg_dumpall would, to standard output.

WHAT IS IN IT
  cluster.json               versions, databases, tablespaces, settings
  globals/roles.sql          roles, memberships, role settings (from pg_dumpall). It holds password hashes.
  globals/tablespaces.sql    tablespaces (from pg_dumpall)
  databases/0001/name        name of the database
  databases/0001/schema.dump definitions (pg_dump, custom format, without data)
  databases/0001/data-0001.dump, data-0002.dump, ...
                             data (custom format of pg_dump); all of one database are of the same
                             moment. Every large table has one of its own.
  index.json                 where each stream lies in the file, and sums of what is in it

  A stream longer than a few megabytes is cut into numbered entries (data-0001.dump.000000, ...). This
  gives it back whole:

    tar -xOf FILE --wildcards 'databases/0001/data-0001.dump*' > data-0001.dump

STEP BY STEP, AS restore.sh DOES IT
  1. Roles:        tar -xOf FILE --wildcards 'globals/roles.sql*' | psql -X -d postgres
     "already exists" is no problem. From now on the passwords of the original server count; restore.sh
     leaves yours as it is until the end. restore.sh also keeps psql from taking commands from the backup
     (\\restrict): where you do not trust it, look at roles.sql before you do this by hand.
  2. Tablespaces:  the same with globals/tablespaces.sql. Each needs the folder that cluster.json
     names, empty and owned by the server's user; or create the tablespace elsewhere beforehand.
  3. For each database, its streams taken out as above:
       pg_restore --create --exit-on-error --section=pre-data -d postgres schema.dump
       pg_restore --exit-on-error --section=data -d THE_DATABASE data-0001.dump     (and all the others)
       pg_restore --exit-on-error --section=post-data -j 4 -d THE_DATABASE schema.dump
     Where the database has event triggers, they come last: filling a materialized view would fire them.
     Restore post-data twice, with --use-list: without the EVENT TRIGGER lines of --list, then with only these.
     The databases "postgres" and "template1" are there already: add --clean --if-exists to the first
     command, and connect to the other one of the two with -d.
  4. vacuumdb --all --analyze-in-stages

ONE TABLE, OR ONE DATABASE
  pg_restore --list data-0001.dump shows what is in a stream; pg_restore --table=NAME takes one table.
`;
