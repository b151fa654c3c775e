/** `README.txt` of every backup of a tree of files: for whoever finds the file and has nothing else. */
export const FILES_README = `This is a backup of a folder with all that is below it, made by Hozen. It can be restored without Hozen,
with what every Debian has: sh, GNU tar, find, xargs, and gzip or zstd.

IN SHORT
  A backup may hold only what changed since an earlier one: its parent. FILE.manifest.json says which
  ("parent"). All of them are needed, from the full one on, oldest first:

    sha256sum -c FILE.sha256            (for each of them)
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh DIRECTORY FULL [NEXT ...] FILE

  DIRECTORY must not exist yet, or be empty. As root everything comes back as it was; as another user
  without owners and devices.

WHAT IS IN IT
  tree.tar       folders, files, links, FIFOs and devices, with owners (as numbers), modes, times to the
                 nanosecond, ACLs and extended attributes; sparse files without their holes
  files.jsonl    one line of JSON for each path of the whole tree, whatever of it is in this backup: type,
                 mode, owner, size, time, where a link leads, SHA-256 of the content. Bytes of a name that
                 are not UTF-8 stand as \\udc80 to \\udcff (as in Python: surrogateescape)
  deleted.list   in an increment: what is to be removed before tree.tar is unpacked, a NUL after each path
  chain.txt      what this is, and what it builds on
  index.json     where each stream lies in the file

  A stream longer than a few megabytes is cut into numbered entries (tree.tar.000000, ...). This gives it
  back whole:

    tar -xOf FILE --wildcards 'tree.tar*' > tree.tar

STEP BY STEP, AS restore.sh DOES IT
  1. Of the full backup: tree.tar is unpacked into DIRECTORY.
  2. Of each later one: symbolic links in DIRECTORY are removed (all that there are come with tree.tar
     again, and so nothing can be written through one), then what deleted.list names; then tree.tar is
     unpacked over what is there.

  One file alone:  tar -xOf FILE --wildcards 'tree.tar*' | tar -xf - ./path/of/it
`;
