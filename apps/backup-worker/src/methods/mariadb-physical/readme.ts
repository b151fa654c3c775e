/** `README.txt` of every copy of the files of a MariaDB server. */
export const MARIADB_FILES_README = `This is a copy of the files of a MariaDB server, made by Hozen with mariadb-backup. It can be restored without
Hozen, with what every Debian has: sh, tar, gzip or zstd, and the package mariadb-backup in the release series
of the server.

IN SHORT
  FILE.manifest.json says under "mariadb" which version it is of, and under "files" which earlier backup it
  builds on ("parent"). All of them are needed, up to a full one. Oldest first:

    sha256sum -c FILE.sha256
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh /var/lib/mysql-restored FULL_FILE ... FILE
    chown -R mysql: /var/lib/mysql-restored

  The folder must be new or empty. Start a server of the same series on it.

WHAT IS IN IT
  backup.xb      all files, as mariadb-backup packs them (mbstream -x takes them out)
  chain.txt      what this is, and what it builds on
  index.json     where each stream lies in the file

STEP BY STEP, AS restore.sh DOES IT
  1. backup.xb of the full backup is unpacked into the folder: mbstream -x
  2. mariadb-backup --prepare --target-dir=FOLDER brings all files to one moment.
  3. For each increment: it is unpacked beside, and mariadb-backup --prepare --target-dir=FOLDER
     --incremental-dir=BESIDE puts it over the files.
`;
