import { SHELL_START } from '../../artefact/shell-parts.js';

/** `restore.sh` of every copy of the files of a MariaDB server. POSIX shell, tar, gzip or zstd, and mariadb-backup. */
export const MARIADB_FILES_RESTORE_SCRIPT = String.raw`#!/bin/sh
# Restores Hozen's copies of the files of a MariaDB server into a new folder. README.txt in the backup tells what happens here.
#
#   sh restore.sh DIRECTORY FULL_FILE [INCREMENT_FILE...]
${SHELL_START}

[ $# -ge 2 ] || die 'usage: sh restore.sh DIRECTORY FULL_FILE [INCREMENT_FILE...]'
directory=$1
shift
[ ! -e "$directory" ] || [ -z "$(ls -A -- "$directory")" ] || die "$directory is not empty. Nothing was changed"
for program in tar mbstream mariadb-backup; do
  command -v "$program" > /dev/null || die "$program is not installed (package mariadb-backup)"
done

before=-
for file in "$@"; do
  [ -r "$file" ] || die "cannot read $file"
  chain=$(tar -xOf "$file" --occurrence=1 chain.txt) || die "cannot read $file: see sha256sum -c"
  parent=$(printf '%s\n' "$chain" | sed -n 's/^parent //p')
  [ "$parent" = "$before" ] || die "$file does not build on what stands before it. Nothing was changed"
  before=$(printf '%s\n' "$chain" | sed -n 's/^run //p')
done

mkdir -p -- "$directory"
directory=$(cd -- "$directory" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

first=yes
for file in "$@"; do
  say "Unpacking $file ..."
  if [ "$first" = yes ]; then into=$directory; else into=$work/increment; rm -rf "$into"; mkdir "$into"; fi
  # The failure of tar is noted, because a pipe hides it.
  { tar -xOf "$file" --wildcards 'backup.xb*' || : > "$work/failed"; } | mbstream -x -C "$into" || die "$file could not be unpacked"
  [ ! -e "$work/failed" ] || die "cannot read $file: see sha256sum -c"
  say "Preparing ..."
  if [ "$first" = yes ]; then mariadb-backup --prepare --target-dir="$directory"
  else mariadb-backup --prepare --target-dir="$directory" --incremental-dir="$into"
  fi > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; die "$file could not be prepared"; }
  first=no
done
say "Restored into $directory. Give it to the server's user: chown -R mysql: $directory"
`;
