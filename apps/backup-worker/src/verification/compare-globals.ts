/**
 * True when two outputs of pg_dumpall say the same. Left out: the random key of `\restrict`, and where tablespaces are,
 * since a scratch server has its own folders.
 */
export function sameGlobals(backup: string, copy: string): boolean {
  return normalised(backup) === normalised(copy);
}

function normalised(sql: string): string {
  return sql.replace(/^\\(un)?restrict .*$/gm, '').replace(/ LOCATION '(?:[^']|'')*';$/gm, " LOCATION '';");
}
