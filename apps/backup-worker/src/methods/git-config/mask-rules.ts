/** One kind of secret. Group 1 is what is masked; every pattern takes time in proportion to the text. */
export type MaskRule = RegExp;

/** Settings whose names only sound like secrets. */
const HARMLESS = String.raw`(?!(?:old_passwords|[\w.-]{0,60}(?:bypass|compass))\b)`;

/** What the name of a secret ends with, in settings, connection strings and variables. */
const SECRET_NAME =
  String.raw`(?:pass|passwd|password|passphrase|pwd|pw|secret|token|credentials?|api[_-]?key|access[_-]?key|account[_-]?key|` +
  String.raw`secret[_-]?key|secret[_-]?access[_-]?key|secret[_-]?id|private[_-]?key|encryption[_-]?key|filekey|auth[_-]?key|masterauth|` +
  String.raw`requirepass|sst[_-]auth|sharedkey|community)`;

const NAME = String.raw`["']?(?:\$\{?)?${HARMLESS}[\w.-]{0,100}?${SECRET_NAME}s?\d{0,3}["']?`;

/** Quoted as shells, INI files, JSON, libpq and PostgreSQL's settings do it, also within other quotes; or up to a blank. */
const VALUE =
  String.raw`(?:\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.|"")*"|''(?:[^']|''(?=[^\s',;)]))*''|\\'(?:[^'\\]|\\[^'])*\\'|` +
  String.raw`'(?:[^'\\]|\\.|'')*'|[^\s"',;&)}\]<>]+)`;

/**
 * What is looked for in each line: the rules in their order, each in what the ones before it have left.
 * A secret that is not found is worse than a setting too many that is masked.
 */
export const LINE_RULES: readonly MaskRule[] = [
  // A setting that has a line to itself: `name = secret with blanks ; and all`. Also YAML, with or without a dash before it.
  new RegExp(
    String.raw`^\s*(?:-\s+|export\s+|set\s+|Environment=["']?)?${NAME}\s*(?:=>|:=|[=:])\s*((?![|>][-+\d]?\s*$)\S.*)$`,
    'i',
  ),
  // `host=db password=secret`, `--password=secret`, `"password": "secret"`, `?password=secret&`, `PASSWORD 'secret'`.
  new RegExp(String.raw`(?<![\w.-])${NAME}\s*(?:=>|:=|[=:])\s*(${VALUE})`, 'gi'),
  // `identified by 'secret'`, `with password 'secret'`, `--password secret`, netrc's `password secret`.
  new RegExp(
    String.raw`\b(?:identified\s+(?:(?:with|via)\s+\S+\s+)?(?:by|as|using)|password|--?[\w-]{0,60}${SECRET_NAME})\s+(?:password\s*\(\s*)?(['"](?:[^'"\\]|\\.)*['"])`,
    'gi',
  ),
  new RegExp(String.raw`(?<=^|\s)--[\w-]{0,60}${SECRET_NAME}\s+([^\s'"=]+)`, 'gi'),
  /\b(?:login|user|account)\s+\S+\s+(?:password|account)\s+(\S+)/gi,
  /^\s*(?:password|passwd|bindpw|rootpw|requirepass|masterauth)\s+(?![=:])(\S.*)$/i,
  // <password>secret</password>
  new RegExp(String.raw`<${NAME}(?:\s[^>]{0,200})?>([^<]+)<`, 'gi'),
  // scheme://user:secret@host
  /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@'"]{0,200}:(?!\d{1,5}\/)([^\s'"]{1,500})@/gi,
  // host:port:database:user:secret, where colons are written as \:
  /^(?:[^\s#:\\]|\\.){1,300}:(?:\*|\d{1,5}):(?:[^:\\]|\\.){1,200}:(?:[^:\\]|\\.){1,200}:(.+)$/,
  // "user" "secret", as pgbouncer's userlist.txt has it
  /^\s*"(?:[^"]|""){0,200}"\s+"((?:[^"]|"")+)"/g,
  /\b(?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?((?:bearer|basic|token)\s+[^\s"']+)/gi,
  /\bbearer\s+([A-Za-z0-9._~+/=-]{8,})/gi,
  // Hashes that are as good as the password, or can be guessed from: crypt, SCRAM, md5 of PostgreSQL, native of MariaDB.
  /(\$(?:[0-9][a-z]?|y|gy|apr1|argon2(?:id|i|d)|pbkdf2[\w-]*|scram[\w-]*)\$[^\s:'"]{8,})/gi,
  /(SCRAM-SHA-(?:1|256|512)\$[^\s'"]+)/gi,
  /(?<![0-9a-f])(md5[0-9a-f]{32})(?![0-9a-f])/gi,
  /(?<!\w)(\*[0-9A-F]{40})(?![0-9A-F])/g,
  // Keys and tokens that are known by their beginning.
  /(AGE-SECRET-KEY-1[0-9A-Z]{20,})/gi,
  /(?<![A-Za-z0-9])((?:gh[pousr]|github_pat|glpat|xox[abprs])[_-][A-Za-z0-9_-]{10,})/g,
  /(?<![A-Za-z0-9])(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)/g,
  /(https:\/\/hooks\.slack\.com\/services\/[^\s"']+)/gi,
];

/** A value that follows in the next lines: YAML's blocks. Group 1 is the indentation. */
export const BLOCK_START = new RegExp(String.raw`^(\s*)(?:-\s+)?${NAME}\s*:\s*(?:[|>][-+\d]{0,2})?\s*(?:#.*)?$`, 'i');

export const KEY_START =
  /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-|^Private-Lines:/i;
export const KEY_END = /-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|^Private-MAC:/i;
