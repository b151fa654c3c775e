/** `README.txt` of every log: for whoever finds the file and has nothing else. */
export const LOG_README = `This is a piece of the write-ahead log (WAL) of a PostgreSQL server, made by Hozen. With a copy of the
server's files that is older, it brings the server back to any moment up to the end of the piece. It can be
used without Hozen, with what every Debian has: sh, tar, gzip or zstd, dd, and PostgreSQL of the same major
version.

IN SHORT
  1. Restore a copy of the files that was finished before the moment you want (its README.txt tells how),
     and do not start it yet.
  2. Put the pieces together that were made since then, oldest first, without leaving one out:

       sha256sum -c FILE.sha256            (for each of them)
       tar -xOf FILE --occurrence=1 restore.sh > restore.sh
       sh restore.sh /somewhere/wal FIRST [NEXT ...]

  3. Tell the server where they are and how far to go, at the end of DIRECTORY/postgresql.auto.conf:

       restore_command = 'cp /somewhere/wal/%f %p'
       recovery_target_time = '2026-01-31 09:15:00+09'
       recovery_target_action = 'promote'

     Without recovery_target_time it goes to the end. Other ways to say how far: recovery_target_lsn,
     recovery_target_xid, recovery_target_name. The server's user must be able to read /somewhere/wal.
  4. Start the server. It is there when SELECT pg_is_in_recovery() says false, on a timeline of its own.
     Remove these settings then.

WHAT IS IN IT
  wal/000000010000000000000005.00A31000   part of the WAL file 000000010000000000000005, from byte A31000
                                          (hexadecimal) on
  wal/00000002.history                    how timeline 2 came about, where there is more than one
  log.txt                                 bytes of a whole WAL file
  index.json                              where each stream lies in the file

  A stream longer than a few megabytes is cut into numbered entries (....00A31000.000000, ...).
  FILE.manifest.json says from where to where the piece goes ("wal"), and of which moment its end is ("upTo").
  Two pieces belong together when the later one "follows" the run of the earlier one.
`;
