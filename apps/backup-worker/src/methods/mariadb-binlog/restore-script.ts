import { SHELL_START } from '../../artefact/shell-parts.js';

/** `restore.sh` of every copy of the binary log: puts its files into a folder. POSIX shell, tar, gzip or zstd. */
export const BINLOG_RESTORE_SCRIPT = String.raw`#!/bin/sh
# Puts the files of Hozen's copies of a server's binary log into a folder. README.txt in the backup tells what to do with them.
#
#   sh restore.sh DIRECTORY LOG...
${SHELL_START}

[ $# -ge 2 ] || die 'usage: sh restore.sh DIRECTORY LOG...'
directory=$1
shift
mkdir -p -- "$directory"

for log in "$@"; do
  [ -r "$log" ] || die "cannot read $log"
  # A file of several parts is NAME.binlog.000000, NAME.binlog.000001, ... in the archive.
  for name in $(tar -tf "$log" | sed -n 's|^binlog/\(.*\)\.binlog\(\.[0-9]*\)\{0,1\}$|\1|p' | sort -u); do
    [ ! -e "$directory/$name" ] || die "$directory/$name is there already"
    tar -xOf "$log" --wildcards "binlog/$name.binlog*" > "$directory/$name" || die "cannot read $log: see sha256sum -c"
    printf '%s\n' "$name"
  done
done
`;
