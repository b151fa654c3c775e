import { SHELL_START, takeFiles } from '../../artefact/shell-parts.js';

/** `restore.sh` of every backup of a tree of files. POSIX shell, GNU tar, findutils, gzip or zstd. */
const $ = '$';

export const FILES_RESTORE_SCRIPT = String.raw`#!/bin/sh
# Restores Hozen's backups of a folder into a new one. README.txt in the backup tells what happens here, step by step.
#
#   sh restore.sh DIRECTORY FULL [NEXT ...]
${SHELL_START}
# Names are bytes, whatever the language.
export LC_ALL=C

${takeFiles('DIRECTORY FULL [NEXT ...]', 'find xargs grep')}
[ -z "$(ls -A "$directory")" ] || die "$directory is not empty. Nothing was changed"
directory=$(cd "$directory" && pwd)

work=$(mktemp -d "${$}{TMPDIR:-/tmp}/hozen-restore.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ "$(id -u)" = 0 ]; then owner=--same-owner attributes='*'; else owner=--no-same-owner attributes='user.*'; fi
troubles=0

# Writes one stream, whole, to standard output. Its failure is noted, because a pipe hides it.
stream() { tar -xOf "$1" --wildcards "$2*" || : > "$work/failed"; }
check_stream() { [ ! -e "$work/failed" ] || die "cannot read $file: see sha256sum -c"; }

before=-
for file in "$@"; do
  chain=$(stream "$file" chain.txt)
  check_stream
  run=$(printf '%s\n' "$chain" | sed -n 's/^run //p')
  parent=$(printf '%s\n' "$chain" | sed -n 's/^parent //p')
  [ "$parent" = "$before" ] || die "$file builds on backup $parent, not on $before: give all backups of the chain, the full one first"
  say "Restoring $file ..."
  if [ "$before" != - ]; then
    find "$directory" -type l -delete
    find "$directory" -type d ! -perm -700 -exec chmod u+rwx {} +
    stream "$file" deleted.list > "$work/deleted"
    check_stream
    # As lines, where a line feed in a name is a NUL: every path must lie below the folder.
    tr '\n\0' '\0\n' < "$work/deleted" > "$work/lines"
    ! grep -a -q -v '^\./.' "$work/lines" || die "$file would remove what is not in $directory"
    ! grep -a -q -E '(^|/)\.\.(/|$)' "$work/lines" || die "$file would remove what is not in $directory"
    (cd "$directory" && xargs -0 -r rm -rf -- < "$work/deleted")
  fi
  # What cannot be set, such as an owner where one is not root, is told of by tar and does not end it.
  stream "$file" tree.tar | tar -xf - -C "$directory" -p "$owner" --numeric-owner --acls --xattrs \
    --xattrs-include="$attributes" --delay-directory-restore || troubles=1
  check_stream
  before=$run
done

[ "$troubles" = 0 ] || die "restored into $directory, but for what tar says above"
say "Restored into $directory."
`;
