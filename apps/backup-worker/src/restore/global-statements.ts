import { QUOTABLE_NAME as NAME, statementsIn } from './sql-statements.js';

/** What pg_dumpall says of roles, tablespaces and rights on parameters; `SET SESSION AUTHORIZATION` says who gave a right. */
const KNOWN = [
  `CREATE ROLE ${NAME}$`,
  `ALTER ROLE ${NAME} (?:WITH|SET) `,
  `CREATE TABLESPACE ${NAME} OWNER ${NAME} LOCATION `,
  `ALTER TABLESPACE ${NAME} (?:SET|OWNER TO) `,
  `COMMENT ON (?:ROLE|TABLESPACE) ${NAME} IS `,
  `SECURITY LABEL FOR ${NAME} ON (?:ROLE|TABLESPACE) ${NAME} IS `,
  `GRANT ${NAME} TO ${NAME}(?: |$)`,
  `(?:GRANT|REVOKE) [A-Z, ]+ ON (?:PARAMETER|TABLESPACE) `,
  `SET SESSION AUTHORIZATION ${NAME}$`,
  'RESET SESSION AUTHORIZATION$',
].map((pattern) => new RegExp(`^${pattern}`));

/** Of the session that psql would have; ours has them already. */
const OF_THE_SESSION =
  /^SET (?:default_transaction_read_only|client_encoding|standard_conforming_strings|escape_string_warning) = /;

/**
 * The statements of `globals/*.sql`, each as it stands there.
 * @throws RangeError for anything that pg_dumpall does not write: whoever made that wants something else than roles
 */
export function* globalStatements(dump: Buffer): Generator<Buffer> {
  // Every encoding of a server has the ASCII characters, and only them, in the bytes below 128.
  for (const statement of statementsIn(dump.toString('latin1'))) {
    if (OF_THE_SESSION.test(statement)) continue;
    if (!KNOWN.some((pattern) => pattern.test(statement))) {
      // No more than its first words: a password may stand behind them.
      const [words = ''] = /^\S{0,30}(?:\s\S{0,30})?/.exec(statement) ?? [];
      throw new RangeError(`it has a statement that pg_dumpall does not write (${words.replace(/[^ -~]/g, '?')} ...)`);
    }
    yield Buffer.from(statement, 'latin1');
  }
}
