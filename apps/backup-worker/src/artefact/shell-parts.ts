/** What every `restore.sh` begins with, after it has said what it is. */
export const SHELL_START = String.raw`set -eu
umask 077

say() { printf '%s\n' "$*" >&2; }
die() { say "restore.sh: $*"; exit 1; }`;

/**
 * Takes `DIRECTORY FILE [FILE ...]`: the files are in `$@` then, and can be read.
 * @param programs that are needed beside tar and what unpacks
 */
export function takeFiles(usage: string, programs: string): string {
  return String.raw`[ $# -ge 2 ] || die 'usage: sh restore.sh ${usage}'
directory=$1
shift
for file in "$@"; do [ -r "$file" ] || die "cannot read $file"; done
case $1 in *.zst) unpack=zstd ;; *) unpack=gzip ;; esac
for program in tar "$unpack" ${programs}; do
  command -v "$program" > /dev/null || die "$program is not installed"
done
mkdir -p "$directory"`;
}
