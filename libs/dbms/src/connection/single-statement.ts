import type { Connection, Submittable } from 'pg';
import type { TargetClient } from './connect.js';

/** Nothing has a name, no parameters, no wish for results in another form; all rows. */
const BIND = message('B', Buffer.alloc(8));
const EXECUTE = message('E', Buffer.alloc(5));
const SYNC = message('S', Buffer.alloc(0));

/**
 * Runs one statement that gives no rows and was written by somebody else. It goes as a prepared one: the server refuses a second
 * one in it (SQLSTATE 42601), wherever our own eye saw its end. No program reads it, so nothing in it is a command to one.
 * @param statement in the `client_encoding` of the session, whatever that is: its bytes reach the server as they are
 * @throws the driver's error, with the server's SQLSTATE as `code`
 */
export function runSingle(client: TargetClient, statement: Buffer): Promise<void> {
  // The server would take what follows the zero for something else.
  if (statement.includes(0)) return Promise.reject(new RangeError('a statement with a zero byte'));
  return new Promise((resolve, reject) => {
    client.query(new SingleStatement(statement, resolve, reject));
  });
}

/** The driver's way of sending what it has no words for: it turns every text of its own into UTF-8. */
class SingleStatement implements Submittable {
  constructor(
    private readonly statement: Buffer,
    private readonly done: () => void,
    private readonly failed: (error: Error) => void,
  ) {}

  submit({ stream }: Connection): void {
    const parse = message('P', Buffer.concat([Buffer.alloc(1), this.statement, Buffer.alloc(3)]));
    stream.write(Buffer.concat([parse, BIND, EXECUTE, SYNC]));
  }

  handleError(error: Error): void {
    this.failed(error);
  }

  handleReadyForQuery(): void {
    this.done();
  }

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleDataRow(): void {}

  /** Rows from us, which there are none of: the server would wait for them for ever. */
  handleCopyInResponse({ stream }: Connection): void {
    stream.destroy(new Error('the statement asks for rows'));
  }

  handleCopyData(): void {}
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
