/** `README.txt` of every copy of a server's files: for whoever finds the file and has nothing else. */
export const PHYSICAL_README = `This is a copy of the files of a PostgreSQL server, made by Hozen. It can be restored without Hozen, with
what every Debian has: sh, tar, gzip or zstd, perl (perl-base), and PostgreSQL of the same major version.

IN SHORT
  A backup may hold only what changed since an earlier one: its parent. FILE.manifest.json says which
  ("parent"). All of them are needed, from the full one on, oldest first:

    sha256sum -c FILE.sha256            (for each of them)
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh DIRECTORY FULL [NEXT ...] FILE

  DIRECTORY is the new data directory; it must not exist yet, or be empty. Then start the server on it:
  it replays the WAL that came along, and opens on a new timeline.

WHAT IS IN IT
  base.tar           the data directory, with the WAL from the beginning to the end of the copy
  16384.tar ...      a tablespace each, under its number (tablespace_map in base.tar has its folder)
  backup_manifest    all files with their sizes and sums, as pg_basebackup writes it
  config/            configuration files that do not lie in the data directory; paths.txt says where they do
  chain.txt          what this is, and what it builds on
  apply.pl           puts changed pages into their files
  index.json         where each stream lies in the file

  A stream longer than a few megabytes is cut into numbered entries (base.tar.000000, ...). This gives it
  back whole:

    tar -xOf FILE --wildcards 'base.tar*' > base.tar

STEP BY STEP, AS restore.sh DOES IT
  1. Of the full backup: base.tar is unpacked into DIRECTORY, each tablespace into its folder (or below
     the one that TABLESPACES names), and pg_tblspc gets a link to it.
  2. Of each later one: DIRECTORY/pg_wal is emptied, the same archives are unpacked over what is there.
     Files called INCREMENTAL.x hold only changed pages of x, in the format of pg_combinebackup: apply.pl
     puts them in their places. Files that backup_manifest does not list are removed.
  3. recovery.signal is made, and postgresql.auto.conf gets restore_command = 'false': so the server opens
     on a timeline of its own; and archive_mode = off, because archive_command is still that of the
     original: so nothing of it can be mixed up with the original. To archive again, look at
     archive_command, and write archive_mode = on there before the first start; later, ALTER SYSTEM SET
     archive_mode = on, a restart, and a new full backup.

  A full backup can be checked before it is started: pg_verifybackup -n DIRECTORY (before step 3).
`;
