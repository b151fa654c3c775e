import { describe, expect, it } from 'vitest';
import { Masker, MASKED } from './mask.js';

const SECRET = 'Xy7~kQ9';

/** What people write down secrets in; `§` stands for the secret. */
const PLACES = [
  // PostgreSQL
  "primary_conninfo = 'host=db1 user=repl password=§ sslmode=require'",
  "primary_conninfo = 'host=db1 password=''§ with blank'' user=repl'",
  String.raw`primary_conninfo = 'host=db1 password=\'§ with blank\' user=repl'`,
  "primary_conninfo 'host=db1 password=§'",
  'host all all 10.0.0.0/8 ldap ldapserver=l ldapbinddn="cn=x" ldapbindpasswd="§ with blank" ldapsearchattribute=uid',
  'host all all 0.0.0.0/0 radius radiusservers="r" radiussecrets="§"',
  'db1.example.com:5432:*:backup:§',
  String.raw`\:\:1:*:erp:us\:er:§ with : colons`,
  "ALTER ROLE app WITH LOGIN PASSWORD '§';",
  '"app" "§"',
  '"app" "SCRAM-SHA-256$4096:c2FsdA==$§:abc"',
  // MariaDB
  'password = §',
  'password=§ with blank; and # all',
  'loose-password="§"',
  'wsrep_sst_auth=sst:§',
  'MASTER_PASSWORD="§", MASTER_PORT=3306',
  "CREATE USER 'a'@'%' IDENTIFIED BY '§';",
  "CREATE USER 'a'@'%' IDENTIFIED VIA mysql_native_password USING '§';",
  'file_key_management_filekey = §',
  // Elsewhere
  'postgres://app:§@db1:5432/erp',
  'redis://:§@cache',
  'url: "https://deploy:§/with@more@git.example.com/x.git"',
  'export PGPASSWORD=§',
  'Environment="DB_PASSWORD=§"',
  'Environment=MYSQL_PWD=§',
  'ExecStart=/usr/bin/app --db-password=§ --verbose',
  'ExecStart=/usr/bin/app --token § --verbose',
  'machine git.example.com login me password §',
  '  password: §',
  '- password: "§"',
  '{ "user": "a", "apiKey": "§", "port": 1 }',
  '  "clientSecret": "§",',
  "'secret' => '§',",
  '<bindPassword>§</bindPassword>',
  'Authorization: Bearer §§§',
  'aws_secret_access_key=§/with+signs==',
  'requirepass §',
  'rootpw  {SSHA}§',
  'access_token=§&x=1',
  'password: |\n  §\n  §\nport: 1',
  'SECRET_KEY:\n    §\n',
  '-----BEGIN OPENSSH PRIVATE KEY-----\n§\n§\n-----END OPENSSH PRIVATE KEY-----',
  '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n§',
  'key = "-----BEGIN PRIVATE KEY-----\\n§\\n-----END PRIVATE KEY-----"',
  'PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\n§\nPrivate-MAC: abc',
  'パスワード_password = §',
];

const HARMLESS = [
  'password_encryption = scram-sha-256',
  'ssl_passphrase_command_supports_reload = off',
  'host all all 0.0.0.0/0 scram-sha-256',
  'host all all 0.0.0.0/0 password',
  "ssl_key_file = '/etc/ssl/private/server.key'",
  'old_passwords = 0',
  'default_password_lifetime = 0',
  'bypass = on',
  "listen_addresses = '*'",
  'http://proxy.example.com:8080/path@x',
  "log_line_prefix = '%m [%p] %q%u@%d '",
  'password =',
  'password: ""',
  'password = ${DB_PASSWORD}',
  'root:x:0:0:root:/root:/bin/bash',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
];

const bytes = (text: string) => Buffer.from(text).toString('latin1');
const masker = new Masker([]);

describe('secrets in configuration files', () => {
  it.each(PLACES)('are masked: %s', (place) => {
    const { text, places } = masker.mask(bytes(place.replaceAll('§', SECRET)));
    expect(text).not.toContain('Xy7');
    expect(text).toContain(MASKED);
    expect(places).toBeGreaterThan(0);
  });

  it.each(PLACES)('are masked once and for all, whatever the line ends with: %s', (place) => {
    const windows = `# before\r\n${place.replaceAll('§', SECRET).replaceAll('\n', '\r\n')}\r\nport = 1\r\n`;
    const once = masker.mask(bytes(windows));
    expect(once.text).not.toContain('Xy7');
    expect(once.text.startsWith('# before\r\n')).toBe(true);
    expect(masker.mask(once.text)).toEqual({ text: once.text, places: 0 });
  });

  it.each(HARMLESS)('are not seen where there are none: %s', (line) => {
    expect(masker.mask(bytes(line))).toEqual({ text: bytes(line), places: 0 });
  });

  it('leave everything around them as it was', () => {
    const text = "max_connections = 100\nprimary_conninfo = 'host=a password=Xy7 port=5432'\t\n\nx: \xe9\xff\n";
    expect(masker.mask(text).text).toBe(text.replace('Xy7', MASKED));
  });

  it('are what the rules of a target say, in its first group, in any language', () => {
    const own = new Masker(['^license\\s+(\\S+)', '合言葉=(.*)$', 'AB-[0-9]{4}']);
    const { text, places } = own.mask(bytes('LICENSE abc-1 x\n合言葉=開けゴマ\nserial AB-1234, AB-5678\n'));
    expect(text).toBe(bytes(`LICENSE ${MASKED} x\n合言葉=${MASKED}\nserial ${MASKED}, ${MASKED}\n`));
    expect(places).toBe(4);
  });

  it.each([
    ['words', 'a '.repeat(300_000)],
    ['quotes', `password='${"''".repeat(8_000)}`],
    ['blanks', `password=x${' '.repeat(16_000)}y`],
    ['dashes', '--a'.repeat(5_000)],
    ['colons', 'a:1:'.repeat(4_000)],
    ['many lines', `${'token-'.repeat(2_000)}\n`.repeat(80)],
    ['addresses', 'a://b:'.repeat(2_700)],
    ['names', `${'"pass'.repeat(3_000)}\n`.repeat(10)],
  ])('do not take long to look for in hostile text: %s', (_what, text) => {
    const begunAt = performance.now();
    masker.mask(text);
    expect(performance.now() - begunAt).toBeLessThan(2_000);
  });
});
