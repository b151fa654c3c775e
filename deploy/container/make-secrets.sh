#!/bin/sh
# Makes the passwords that compose.yaml mounts into the containers; those that are there stay as they are.
set -eu
folder=$(dirname "$0")/secrets
umask 077
mkdir -p "$folder"
for name in postgres hozen_scheduler hozen_backup hozen_maintenance hozen_notifier; do
  [ -s "$folder/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$folder/$name"
  # The containers' user is not the one who runs this; the folder stays closed.
  chmod 0644 "$folder/$name"
done
echo "The secrets are in $folder"
