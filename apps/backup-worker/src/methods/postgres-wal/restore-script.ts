import { SHELL_START, takeFiles } from '../../artefact/shell-parts.js';

/** `restore.sh` of every log. POSIX shell, tar, gzip or zstd, and coreutils. */
export const LOG_RESTORE_SCRIPT = String.raw`#!/bin/sh
# Puts Hozen's pieces of a PostgreSQL server's WAL together, as files that restore_command can copy. README.txt in the
# backup tells what to do with them.
#
#   sh restore.sh DIRECTORY FIRST [NEXT ...]
${SHELL_START}

${takeFiles('DIRECTORY FIRST [NEXT ...]', 'dd truncate')}
directory=$(cd "$directory" && pwd)
work=$(mktemp -d "$directory/.hozen-restore.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

for file in "$@"; do
  say "Taking $file ..."
  rm -rf "$work/wal"
  tar -xf "$file" -C "$work" || die "cannot unpack $file: see sha256sum -c"
  bytes=$(sed -n 's/^segment_bytes //p' "$work/log.txt")
  [ -d "$work/wal" ] || continue
  for part in "$work"/wal/*; do
    name=$(basename "$part")
    case $name in
      *.history) mv "$part" "$directory/$name"; continue ;;
    esac
    # FILE.OFFSET, or FILE.OFFSET.PART: parts follow one another.
    rest=$(printf '%s' "$name" | cut -d. -f2-)
    segment=$(printf '%s' "$name" | cut -d. -f1)
    offset=$(printf '%d' "0x$(printf '%s' "$rest" | cut -d. -f1)")
    case $rest in
      *.000000) ;;
      *.*) offset=$next ;;
    esac
    dd if="$part" of="$directory/$segment" bs=65536 seek="$offset" oflag=seek_bytes conv=notrunc status=none
    next=$((offset + $(wc -c < "$part")))
    # The server wants whole files; what is not there yet is empty.
    truncate -s "$bytes" "$directory/$segment"
    rm -f "$part"
  done
done
say "The WAL is in $directory. The server's user must be able to read it (chown -R postgres: ...)."
`;
