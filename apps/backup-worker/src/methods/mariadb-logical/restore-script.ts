import { FLAVOUR_NAMES, type Flavour } from '@hozen/dbms';
import { SHELL_START } from '../../artefact/shell-parts.js';

const CLIENTS = {
  mariadb: {
    find: 'command -v mariadb || command -v mysql',
    lacking: 'mariadb is not installed (package mariadb-client)',
  },
  mysql: { find: 'command -v mysql', lacking: "mysql is not installed (MySQL's client)" },
} as const;

/** `restore.sh` of every dump of a MariaDB or MySQL server. POSIX shell, tar, gzip or zstd, and the client. */
export function restoreScriptOf(flavour: Flavour): string {
  const name = FLAVOUR_NAMES[flavour];
  const { find, lacking } = CLIENTS[flavour];
  return String.raw`#!/bin/sh
# Restores Hozen's dump of a ${name} server into an empty one. README.txt in the backup tells what happens here.
#
#   sh restore.sh FILE [OPTIONS OF THE CLIENT]
${SHELL_START}

[ $# -ge 1 ] || die 'usage: sh restore.sh FILE [--host=... --user=...]'
file=$1
shift
[ -r "$file" ] || die "cannot read $file"
case $file in *.zst) unpack=zstd ;; *) unpack=gzip ;; esac
client=$(${find}) || die "${lacking}"
for program in tar "$unpack"; do
  command -v "$program" > /dev/null || die "$program is not installed"
done

load() { "$client" "$@" --batch --binary-mode --comments --default-character-set=utf8mb4 --max-allowed-packet=1G; }

there=$(printf '%s' "SELECT count(*) FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys', 'test')" |
  load "$@" --skip-column-names) || die 'the server cannot be reached'
server=$(printf '%s' "SELECT if(version() LIKE '%MariaDB%', 'MariaDB', 'MySQL')" | load "$@" --skip-column-names)
[ "$server" = ${name} ] || die "the dump is of ${name}, and the server is $server. Nothing was changed"
[ "$there" = 0 ] || die "the server holds $there databases already. Nothing was changed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Views are made with the rights of those who define the views in them. What needs the tables comes later.
say 'Loading the accounts of users.sql ...'
tar -xOf "$file" --wildcards 'users.sql*' | load "$@" --force 2> /dev/null || :

for stream in dump.sql users.sql triggers.sql events.sql; do
  say "Loading $stream ..."
  # The failure of tar is noted, because a pipe hides it.
  { tar -xOf "$file" --wildcards "$stream*" || : > "$work/failed"; } | load "$@" || die "$stream could not be loaded"
  [ ! -e "$work/failed" ] || die "cannot read $file: see sha256sum -c"
done
say 'Restored.'
`;
}
