#!/bin/sh
# Installs Debian packages and starts nothing: Hozen runs servers of its own and leaves every other one alone.
# Usage, as root: apt-install.sh PACKAGE...
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

policy=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/hozen.conf
made_policy= made_no_cluster=
tidy() {
  [ -z "$made_policy" ] || rm -f "$policy"
  [ -z "$made_no_cluster" ] || rm -f "$no_cluster"
  # Where nothing was installed in the end, no empty folder stays either.
  [ -e /etc/postgresql-common/createcluster.conf ] || rmdir "${no_cluster%/*}" /etc/postgresql-common 2>/dev/null || true
}
trap tidy EXIT
trap 'exit 130' INT TERM

# Without this, installing nats-server would start one on port 4222, and an update would restart running clusters.
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 0755 "$policy" && made_policy=1
fi
# Without this, installing postgresql would create a cluster "main" on port 5432.
if [ ! -e "$no_cluster" ]; then
  mkdir -p "${no_cluster%/*}" && printf 'create_main_cluster = false\n' > "$no_cluster" && made_no_cluster=1
fi

new_units=
[ -x /usr/sbin/nats-server ] || new_units=nats-server
[ -x /usr/sbin/mariadbd ] || new_units="$new_units mariadb"

# A source that does not answer (a third party's) must not stop us while the rest has the packages.
apt-get -q update || echo "apt-get update reported errors; going on with the lists that are there" >&2
apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 install "$@"
code=$?

# A new unit would start a second server at the next boot.
if [ "$code" -eq 0 ] && [ -d /run/systemd/system ]; then
  for unit in $new_units; do systemctl disable "$unit" >/dev/null 2>&1 || true; done
fi
exit "$code"
