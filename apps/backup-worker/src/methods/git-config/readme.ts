import { MASKED } from './mask.js';

/** `README.txt` of every backup of configuration files: for whoever finds the file and has nothing else. */
export const CONFIGURATION_README = `This is a backup of configuration files, made by Hozen. It can be restored without Hozen, with what
every Debian has: sh, GNU tar, find, xargs, and gzip or zstd; or with git.

SECRETS ARE NOT IN IT
  Passwords, tokens and private keys were masked before anything was stored. Where one was, stands
  ${MASKED}. After a restore put them in again; this finds the places:

    grep -rn ${MASKED} DIRECTORY

IN SHORT
    sha256sum -c FILE.sha256
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh DIRECTORY FILE

  DIRECTORY must not exist yet, or be empty. The files stand in it under their whole paths (etc/hosts).
  As root everything comes back with its owners; as another user without.

WHAT IS IN IT
  tree.tar            the files as of this backup, with owners (as numbers), modes and times
  repository.bundle   the branch of the Git repository as of this backup, with all earlier commits.
                      FILE.manifest.json says which commit has the same files as tree.tar ("git")
  files.jsonl         one line of JSON for each path of tree.tar, with the SHA-256 of the content
  hozen-listing.jsonl (in tree.tar and in the commit) the paths of the original machine: mode, owner and
                      group by name, how many secrets were masked, and what is not stored, and why
  chain.txt, index.json  for restore.sh and for Hozen

WITH GIT
    tar -xOf FILE --wildcards 'repository.bundle*' > repository.bundle
    git clone repository.bundle DIRECTORY
    git -C DIRECTORY log --stat

  Should the repository be lost, this brings it back:  git clone --mirror repository.bundle settings.git
`;
