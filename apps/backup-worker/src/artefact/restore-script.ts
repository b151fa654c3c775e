import { SHELL_START } from './shell-parts.js';

/**
 * `restore.sh` of every artefact. POSIX shell, and no more than tar, gzip or zstd, psql, pg_restore and the basic programs of
 * any Debian. It calls itself for the streams that it loads side by side.
 */
const $ = '$';

export const RESTORE_SCRIPT = String.raw`#!/bin/sh
# Restores a Hozen backup of a PostgreSQL cluster into an empty server: the one that PGHOST, PGPORT, PGUSER and
# PGPASSWORD or ~/.pgpass name. README.txt in the backup tells what happens here, step by step.
#
#   sh restore.sh FILE [JOBS]
#
# Or writes it as plain SQL, as pg_dumpall would, to standard output, and needs no server for that:
#
#   sh restore.sh --sql FILE
#
# HOZEN_WORK: a folder for temporary files (default TMPDIR or /tmp). With room for the unpacked backup there, it is
# unpacked once; without, it is read again for each stream.
# HOZEN_NOT_EMPTY=yes: restore into a server that is not empty, too (where the provider keeps a database of its own).
${SHELL_START}

# Writes one stream, whole, to standard output. Its failure is noted, because a pipe hides it.
stream() {
  if [ "$unpacked" = yes ]; then
    if [ -f "$work/all/$1" ]; then cat "$work/all/$1"; else cat "$work/all/$1".[0-9]*; fi
  else
    tar -xOf "$artefact" --wildcards "$1*"
  fi || : > "$work/failed"
}

check_stream() { [ ! -e "$work/failed" ] || die "cannot read $artefact"; }

# Loads one data stream (called by this script itself).
if [ "${$}{1:-}" = --load ]; then
  stream "$folder/$2" | PGDATABASE=$database pg_restore --exit-on-error --section=data -d ''
  check_stream
  exit 0
fi

sql=no
if [ "${$}{1:-}" = --sql ]; then
  sql=yes
  shift
fi
[ $# -ge 1 ] || die 'usage: sh restore.sh FILE [JOBS], or sh restore.sh --sql FILE'
artefact=$1
jobs=${$}{2:-2}
[ -r "$artefact" ] || die "cannot read $artefact"
case $artefact in *.zst) unpack=zstd ;; *) unpack=gzip ;; esac
for program in tar "$unpack" psql pg_restore; do
  command -v "$program" > /dev/null || die "$program is not installed (Debian: postgresql-client, tar, gzip, zstd)"
done

work=$(mktemp -d "${$}{HOZEN_WORK:-${$}{TMPDIR:-/tmp}}/hozen-restore.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Settings of roles and databases that come back with the backup must not stop the restore of what follows.
PGOPTIONS="${$}{PGOPTIONS:-} -c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c client_min_messages=warning"
export PGOPTIONS

# Roles, postgres and template1 are overwritten below: never by mistake where somebody has data.
if [ "$sql" = no ] && [ "${$}{HOZEN_NOT_EMPTY:-}" != yes ]; then
  found=$(psql -X -q -At -d postgres -c "
    SELECT string_agg(name, ', ') FROM (
      SELECT 'database ' || quote_ident(datname) AS name FROM pg_catalog.pg_database
       WHERE datname NOT IN ('postgres', 'template0', 'template1')
      UNION ALL
      SELECT 'table ' || c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c
       WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm')
      LIMIT 5) found") || die 'cannot connect: set PGHOST, PGPORT, PGUSER, and PGPASSWORD or ~/.pgpass'
  [ -z "$found" ] || die "this server is not empty ($found ...). Nothing was changed. Restore into a new one, which PGHOST and PGPORT name"
fi

say 'Reading the table of contents ...'
tar -tvf "$artefact" > "$work/entries" || die "$artefact is damaged: see sha256sum -c"
names=$(awk '{ print $6 }' "$work/entries")
needed=$(awk '{ sum += $3 } END { printf "%d", sum / 1024 * 1.02 + 1024 }' "$work/entries")
free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
unpacked=no
if [ "$free" -gt "$needed" ]; then
  say 'Unpacking ...'
  mkdir "$work/all"
  tar -xf "$artefact" -C "$work/all" || die "$artefact is damaged: see sha256sum -c"
  unpacked=yes
fi

# The key to psql's own commands, while it reads the backup: nobody who wrote that knows it. A psql without \restrict says
# that it does not know it, and goes on.
key=$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')

# Runs SQL of pg_dumpall. What exists already (42710) is not created again, but altered to what the backup says.
globals() {
  say "Restoring $1 ..."
  { "$2"; printf '\\restrict %s\n' "$key"; stream "$1"; printf '\\unrestrict %s\n' "$key"; "$3"; } | psql -X -q -At -v VERBOSITY=sqlstate -f - -d postgres > /dev/null 2> "$work/messages" ||
    { cat "$work/messages" >&2; die "psql failed on $1"; }
  check_stream
  if grep -E '(ERROR|FATAL|PANIC):' "$work/messages" | grep -v ': ERROR: *42710$' >&2; then
    die "$1 was not restored (codes above: https://www.postgresql.org/docs/current/errcodes-appendix.html)"
  fi
}

# Our own password stays as it is until the end, or we could not log in any more.
remember_password() {
  echo 'CREATE TEMPORARY TABLE before AS SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = current_user;'
}
keep_password() {
  new="$work/password.sql"
  printf '\\o %s\n' "$new"
  echo "SELECT format('ALTER ROLE %I PASSWORD %L;', rolname, rolpassword) FROM pg_catalog.pg_authid WHERE rolname = current_user;"
  printf '\\o\n'
  echo "SELECT format('ALTER ROLE %I PASSWORD %L;', current_user, rolpassword) FROM pg_temp.before \\gexec"
}
if [ "$sql" = yes ]; then
  stream globals/roles.sql
  stream globals/tablespaces.sql
  check_stream
else
  globals globals/roles.sql remember_password keep_password
  globals globals/tablespaces.sql : :
fi

events='^[0-9]+; [0-9]+ [0-9]+ ((COMMENT|SECURITY LABEL) - )?EVENT TRIGGER '
export artefact unpacked work folder database
for folder in $(printf '%s\n' "$names" | sed -n 's,^\(databases/[0-9]*\)/name$,\1,p'); do
  # The x keeps newlines at the end of a name.
  database=$(stream "$folder/name"; printf x)
  database=${$}{database%x}
  say "Restoring database $database ..."
  stream "$folder/schema.dump" > "$work/schema.dump"
  check_stream
  # These exist in every new server: they are made anew, from the other one of the two.
  case $database in
    postgres) from=template1 again='--clean --if-exists' ;;
    template1) from=postgres again='--clean --if-exists' ;;
    *) from=postgres again= ;;
  esac
  printf '%s\n' "$names" | sed -n "s,^$folder/\(data-[0-9]*\.dump\).*,\1,p" | sort -u > "$work/data.list"
  if [ "$sql" = yes ]; then
    printf '\\connect %s\n' "$from"
    [ "$database" != template1 ] || echo 'ALTER DATABASE template1 IS_TEMPLATE false;'
    pg_restore --create --section=pre-data $again -f - "$work/schema.dump"
    while read -r data; do
      stream "$folder/$data" | pg_restore --section=data -f -
      check_stream
    done < "$work/data.list"
  else
    [ "$database" != template1 ] || psql -X -q -d "$from" -c 'ALTER DATABASE template1 IS_TEMPLATE false' || die 'template1 cannot be replaced'
    pg_restore --create --exit-on-error --section=pre-data $again -d "$from" "$work/schema.dump"
    xargs -r -P "$jobs" -n 1 sh "$0" --load < "$work/data.list" || die "the data of $database was not restored"
  fi
  # Event triggers come last: filling a materialized view would fire them.
  pg_restore --list "$work/schema.dump" > "$work/list"
  LC_ALL=C grep -avE "$events" "$work/list" > "$work/first.list" || :
  LC_ALL=C grep -aE "$events" "$work/list" > "$work/last.list" || :
  for list in first last; do
    set -- --section=post-data --use-list="$work/$list.list"
    if [ "$sql" = yes ]; then
      pg_restore "$@" -f - "$work/schema.dump"
    else
      PGDATABASE=$database pg_restore --exit-on-error "$@" -j "$jobs" -d '' "$work/schema.dump"
    fi
  done
done
if [ "$sql" = yes ]; then
  echo '-- The backup ends here'
  say 'This was all. With PGOPTIONS="-c default_transaction_read_only=off" psql also fills what is read-only by default'
  exit 0
fi
psql -X -q -v ON_ERROR_STOP=1 -f "$work/password.sql" -d postgres
say 'Restored. Now run: vacuumdb --all --analyze-in-stages'
`;
