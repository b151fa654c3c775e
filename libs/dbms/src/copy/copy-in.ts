import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import { CopyMessages, MESSAGE, serverError } from './copy-messages.js';
import type { CopiedRows } from './copy-out.js';
import { TakenSocket } from './taken-socket.js';

const COPY_DONE = Buffer.from([MESSAGE.copyDone, 0, 0, 0, 4]);
const COPY_FAIL = Buffer.from([0x66, 0, 0, 0, 5, 0]);

/**
 * Runs one `COPY … FROM STDIN` with the given bytes, which may be cut anywhere. The next chunk is asked for when the one before
 * is on its way: its memory may be used again. The client can be used again afterwards, also when the server refused or the
 * source failed.
 * @throws what the source throws; HozenError as of every query
 */
export async function copyIn(client: TargetClient, sql: string, source: AsyncIterable<Buffer>): Promise<CopiedRows> {
  const done = Promise.withResolvers<number>();
  done.promise.catch(() => undefined);
  let refusal: Error | undefined;
  let rows = 0;
  let bytes = 0;
  const messages = new CopyMessages((type, body) => {
    if (type === MESSAGE.error) refusal ??= serverError(body);
    if (type === MESSAGE.commandComplete) rows = Number(/\d+/.exec(body.toString('latin1'))?.[0] ?? 0);
    if (type === MESSAGE.readyForQuery) done.resolve(rows);
  });
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const failed = (error: Error) => {
    done.reject(error);
    lost.reject(error);
  };
  using taken = new TakenSocket(client, {
    data: (chunk) => {
      messages.push(chunk);
      return undefined;
    },
    failed,
  });
  const { socket } = taken;
  taken.query(sql);
  try {
    let end = COPY_DONE;
    let sourceError: unknown;
    try {
      for await (const chunk of source) {
        // Nobody listens any more; the server says so only once.
        if (refusal) break;
        bytes += chunk.length;
        socket.cork();
        socket.write(headerOf(chunk.length));
        const written = new Promise((resolve) => socket.write(chunk, resolve));
        socket.uncork();
        // Why it is closed the end of the connection tells.
        if (await written) await lost.promise;
      }
    } catch (error) {
      if (socket.destroyed) throw error;
      sourceError = error;
      end = COPY_FAIL;
    }
    socket.write(end);
    await done.promise;
    if (sourceError !== undefined) throw sourceError;
    if (refusal) throw refusal;
    return { rows, bytes };
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

function headerOf(length: number): Buffer {
  const header = Buffer.allocUnsafe(5);
  header[0] = MESSAGE.copyData;
  header.writeInt32BE(length + 4, 1);
  return header;
}
