import { SHELL_START, takeFiles } from '../../artefact/shell-parts.js';

/** `restore.sh` of every copy of a server's files. POSIX shell, tar, gzip or zstd, and perl-base. */
const $ = '$';

export const PHYSICAL_RESTORE_SCRIPT = String.raw`#!/bin/sh
# Restores Hozen's copies of the files of a PostgreSQL server into a new data directory. README.txt in the backup tells
# what happens here, step by step.
#
#   sh restore.sh DIRECTORY FULL [NEXT ...]
#
# TABLESPACES: a folder below which tablespaces go (default: where they were).
${SHELL_START}

${takeFiles('DIRECTORY FULL [NEXT ...]', 'perl find')}
chmod 700 "$directory"
[ -z "$(ls -A "$directory")" ] || die "$directory is not empty. Nothing was changed"
directory=$(cd "$directory" && pwd)

work=$(mktemp -d "${$}{TMPDIR:-/tmp}/hozen-restore.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Writes one stream, whole, to standard output. Its failure is noted, because a pipe hides it.
stream() { tar -xOf "$1" --wildcards "$2*" || : > "$work/failed"; }
check_stream() { [ ! -e "$work/failed" ] || die "cannot read $file: see sha256sum -c"; }
unpack_stream() {
  stream "$file" "$1" | tar -xf - -C "$2" || die "cannot unpack $1 of $file: see sha256sum -c"
  check_stream
}

# A tablespace's folder: it is new, but for what an earlier backup of the chain put there.
folder_of() {
  if [ -n "${$}{TABLESPACES:-}" ]; then printf '%s' "$TABLESPACES/$1"; return; fi
  sed -n "s,^$1 ,,p" "$directory/tablespace_map"
}

before=-
for file in "$@"; do
  chain=$(stream "$file" chain.txt)
  check_stream
  run=$(printf '%s\n' "$chain" | sed -n 's/^run //p')
  parent=$(printf '%s\n' "$chain" | sed -n 's/^parent //p')
  [ "$parent" = "$before" ] || die "$file builds on backup $parent, not on $before: give all backups of the chain, the full one first"
  say "Restoring $file ..."
  [ "$before" = - ] || rm -rf "$directory/pg_wal" "$directory/tablespace_map"
  unpack_stream base.tar "$directory"
  tar -tf "$file" | sed -n 's|^\([0-9][0-9]*\)\.tar\(\.[0-9]*\)*$|\1|p' | sort -un > "$work/tablespaces"
  while read -r oid; do
    folder=$(folder_of "$oid")
    [ -n "$folder" ] || die "the folder of tablespace $oid is not known"
    mkdir -p "$folder"
    chmod 700 "$folder"
    [ "$before" != - ] || [ -z "$(ls -A "$folder")" ] || die "the folder $folder of a tablespace is not empty: set TABLESPACES to another one"
    rm -f "$directory/pg_tblspc/$oid"
    ln -s "$folder" "$directory/pg_tblspc/$oid"
    unpack_stream "$oid.tar" "$folder"
  done < "$work/tablespaces"
  stream "$file" backup_manifest > "$directory/backup_manifest"
  check_stream
  if [ "$before" != - ]; then
    stream "$file" apply.pl > "$work/apply.pl"
    check_stream
    # The server would take it for an increment that was not put on anything.
    sed -i '/^INCREMENTAL FROM /d' "$directory/backup_label"
    find -L "$directory" -type f -print0 | perl "$work/apply.pl" "$directory"
  fi
  before=$run
done

# The links are made: the server must not make those of the original.
rm -f "$directory/tablespace_map" "$directory/standby.signal" "$directory"/.s.PGSQL.*
: > "$directory/recovery.signal"
# Its archive_command is that of the original: nothing is to get into that place before somebody says so.
printf "\nrestore_command = 'false'\narchive_mode = off\n" >> "$directory/postgresql.auto.conf"
say "Restored into $directory. Its owner must be the server's user (chown -R postgres: ...)."
say "It does not archive: look at archive_command before you switch archive_mode on: see README.txt."
if [ ! -e "$directory/postgresql.conf" ]; then
  say 'Its configuration did not lie in the data directory: see config/ in the backup (tar -xf FILE --wildcards "config/*").'
fi
`;
