/** `README.txt` of every backup of a bucket: for whoever finds the file and has nothing else. */
export const BUCKET_README = `This is a backup of the objects of an S3 bucket, made by Hozen. It can be restored without Hozen, with
what every Debian has: sh, GNU tar, find, xargs, and gzip or zstd. The objects come back as files.

IN SHORT
  A backup may hold only what changed since an earlier one: its parent. FILE.manifest.json says which
  ("parent"). All of them are needed, from the full one on, oldest first:

    sha256sum -c FILE.sha256            (for each of them)
    tar -xOf FILE --occurrence=1 restore.sh > restore.sh
    sh restore.sh DIRECTORY FULL [NEXT ...] FILE

  DIRECTORY must not exist yet, or be empty.

WHAT IS IN IT
  tree.tar       each object as a file; its time is that of the object
  files.jsonl    one line of JSON for each path of the whole tree, whatever of it is in this backup. Under
                 "object" stands the key of the object, its ETag, content type, metadata and tags; and in
                 the line the SHA-256 of its content
  deleted.list   in an increment: what is to be removed before tree.tar is unpacked, a NUL after each path
  chain.txt, index.json  as restore.sh and Hozen need them

NAMES
  A file has the key of the object as its path, but that
    - "%", control characters, and names that are "." or ".." are written as %25, %0A, %2E
    - a name that is empty ("a//b", or "a/" at the end of a key) is "%"
    - a folder has a "%" at its end where an object has the same name ("a" and "a/b": a and a%/b)
    - names of more than 200 bytes are spread over folders that end with "%~"
  files.jsonl has the key of each. For keys without these, a plain copy brings them back:

    aws s3 cp --recursive DIRECTORY s3://BUCKET/PREFIX/

  A stream longer than a few megabytes is cut into numbered entries (tree.tar.000000, ...). This gives it
  back whole:

    tar -xOf FILE --wildcards 'tree.tar*' > tree.tar

  One object alone:  tar -xOf FILE --wildcards 'tree.tar*' | tar -xf - ./path/of/it
`;
