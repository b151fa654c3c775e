import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import { CopyMessages, MESSAGE, serverError, type TakeRows } from './copy-messages.js';
import { TakenSocket } from './taken-socket.js';

/** What came by. */
export interface CopiedRows {
  rows: number;
  bytes: number;
}

/**
 * Runs one `COPY … TO STDOUT` and hands its rows over as they come, in chunks that end anywhere. The client can be used
 * again afterwards, also when the server refused.
 * @param signal ends it by closing the connection
 * @throws what `take` throws, and the signal's reason: the connection is closed then, because the server would go on
 * sending; HozenError as of every query
 */
export async function copyOut(
  client: TargetClient,
  sql: string,
  take: TakeRows,
  signal?: AbortSignal,
): Promise<CopiedRows> {
  const done = Promise.withResolvers<number>();
  let bytes = 0;
  let rows: number | undefined;
  let refusal: Error | undefined;
  let taking: Promise<void> | undefined;
  const messages = new CopyMessages((type, body) => {
    if (type === MESSAGE.error) refusal ??= serverError(body);
    if (type === MESSAGE.commandComplete) rows = rowsOf(body);
    if (type !== MESSAGE.readyForQuery) return;
    if (refusal) done.reject(refusal);
    else if (rows === undefined) done.reject(new Error('the server ended a COPY without its row count'));
    else done.resolve(rows);
  });
  using socket = new TakenSocket(client, {
    data: (chunk) => {
      const content = messages.push(chunk);
      bytes += content.length;
      return (taking = content.length > 0 ? take(content) : undefined);
    },
    failed: (error) => done.reject(refusal ?? error),
  });
  const stop = () => done.reject(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    socket.query(sql);
    const copied = await done.promise;
    // The end often comes in one chunk with the last rows.
    await taking;
    return { rows: copied, bytes };
  } catch (error) {
    if (error !== refusal) socket.socket.destroy();
    throw signal?.aborted ? error : asTargetError(error, client.address);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** The tag is `COPY 4711`. */
function rowsOf(body: Buffer): number | undefined {
  const count = /^COPY (\d+)\0$/.exec(body.toString('latin1'))?.[1];
  return count === undefined ? undefined : Number(count);
}
