/** How to restore the artefact by hand, in the folder where it stands. The name needs quotes, but no more (safe-name.ts). */
export function restoreCommands(file: string): string[] {
  const plain = file.replace(/\.age$/, '');
  return [
    `sha256sum -c '${file}.sha256'`,
    ...(plain === file ? [] : ['# KEY: the file with the private key', `age -d -i "$KEY" -o '${plain}' '${file}'`]),
    `tar -xOf '${plain}' --occurrence=1 restore.sh > restore.sh`,
    '# PGHOST, PGPORT, PGUSER, PGPASSWORD: an empty server of the same major version, as a superuser',
    `sh restore.sh '${plain}'`,
  ];
}
