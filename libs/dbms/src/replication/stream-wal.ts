import { HozenError } from '@hozen/contracts';
import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import { MESSAGE, serverError } from '../copy/copy-messages.js';
import { TakenSocket } from '../copy/taken-socket.js';
import { fieldsOf } from './backup-messages.js';
import { formatLsn, parseLsn } from './lsn.js';
import { WholeMessages } from './whole-messages.js';

const COPY_BOTH = 0x57;
const DATA_ROW = 0x44;

/** What CopyData holds here: its first byte. */
const WAL_DATA = 0x77;
const KEEPALIVE = 0x6b;

/** Kind, where the data begins, where the server's WAL ends, the server's clock. */
const WAL_HEADER = 25;

/** Beyond all WAL. */
const LAST = (1n << 64n) - 1n;

/** Milliseconds between our signs of life; a server gives up after wal_sender_timeout, 60 s by default. */
const STATUS_EVERY_MS = 10_000;

export interface WalStreamOptions {
  /** Holds the WAL meanwhile; what lies before `start` is let go. Without one nothing is held, and nothing let go. */
  slot?: string;
  timeline: number;
  start: bigint;
  /** The stream ends here, or where the timeline ends. Without it, where the timeline ends alone. */
  stop?: bigint;
  /** For a receiver that keeps what it takes. Without it nothing counts as kept but what lies before the start. */
  keeping?: {
    /** All before this is on disk here: the server may let it go, and synchronous commits before it are done. */
    flushed: () => bigint;
    /** Is given, once, what is to be called when more is on disk. */
    begun: (flushedMore: () => void) => void;
  };
}

export interface WalStreamEnd {
  /** Where the last byte that was taken ends. */
  end: bigint;
  /** The timeline ended before `stop`: this one follows it from there. */
  next?: { timeline: number; from: bigint };
}

/** Takes WAL as it comes, without a gap. The bytes are used again when the call, or its promise, is done. */
export type TakeWal = (bytes: Buffer) => Promise<void> | undefined;

/**
 * Has the server send its WAL between two places.
 * @param client of a replication connection; closed when this fails
 * @see https://www.postgresql.org/docs/current/protocol-replication.html START_REPLICATION
 * @throws what `take` throws, and the signal's reason; the server's refusal with its SQLSTATE as cause: `58P01` where the
 * WAL is not there any more; HozenError of the TARGET_ codes
 */
export async function streamWal(
  client: TargetClient,
  options: WalStreamOptions,
  take: TakeWal,
  signal?: AbortSignal,
): Promise<WalStreamEnd> {
  const { slot, timeline, start, stop = LAST } = options;
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined);
  const stream = new ReceivedWal(options, take, {
    send: (message) => taken.socket.write(message),
    end: () => done.resolve(),
    fail: (error) => done.reject(error),
  });
  const messages = new WholeMessages((type, body) => stream.message(type, body));
  using taken = new TakenSocket(client, {
    data: (chunk) => messages.push(chunk),
    failed: (error) => done.reject(stream.refusal ?? error),
  });
  const abort = () => done.reject(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { once: true });
  const alive = setInterval(() => stream.sayAlive(), STATUS_EVERY_MS);
  try {
    signal?.throwIfAborted();
    if (start >= stop) return { end: start };
    const held = slot === undefined ? '' : `SLOT ${slot} `;
    taken.query(`START_REPLICATION ${held}PHYSICAL ${formatLsn(start)} TIMELINE ${timeline}`);
    await done.promise;
    return stream.result();
  } catch (error) {
    taken.socket.destroy();
    throw signal?.aborted || error instanceof HozenError ? error : asTargetError(error, client.address);
  } finally {
    clearInterval(alive);
    signal?.removeEventListener('abort', abort);
  }
}

interface Line {
  send(message: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

/** What has come so far. */
class ReceivedWal {
  refusal: Error | undefined;
  #state: 'asked' | 'streaming' | 'ending' = 'asked';
  #at: bigint;
  readonly #stop: bigint;
  #next: WalStreamEnd['next'];

  constructor(
    private readonly options: WalStreamOptions,
    private readonly take: TakeWal,
    private readonly line: Line,
  ) {
    this.#at = options.start;
    this.#stop = options.stop ?? LAST;
  }

  message(type: number, body: Buffer): Promise<void> | undefined {
    switch (type) {
      case COPY_BOTH:
        this.#state = 'streaming';
        this.sayAlive();
        this.options.keeping?.begun(() => this.sayAlive());
        return undefined;
      case MESSAGE.copyData:
        return this.#state === 'streaming' ? this.#copyData(body) : undefined;
      case MESSAGE.copyDone:
        // The timeline is at its end, or this answers ours.
        if (this.#state === 'streaming') this.#end();
        return undefined;
      case DATA_ROW: {
        const [timeline, from] = fieldsOf(body);
        this.#next = { timeline: Number(timeline), from: parseLsn(from ?? '') };
        return undefined;
      }
      case MESSAGE.error:
        // A server that has sent all that was asked for reads on, until it hears that it is enough.
        if (this.#state !== 'ending') this.refusal ??= serverError(body);
        return undefined;
      case MESSAGE.readyForQuery:
        if (this.refusal) this.line.fail(this.refusal);
        else this.line.end();
        return undefined;
      default:
        return undefined;
    }
  }

  /** What lies before the start is safe; of this stream what is said to be kept. */
  sayAlive(): void {
    if (this.#state !== 'streaming') return;
    const safe = this.options.keeping?.flushed() ?? this.options.start;
    const message = Buffer.alloc(39);
    message.writeUInt8(MESSAGE.copyData, 0);
    message.writeInt32BE(38, 1);
    message.write('r', 5);
    for (const place of [6, 14, 22]) message.writeBigUInt64BE(safe, place);
    message.writeBigInt64BE(BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n, 30);
    this.line.send(message);
  }

  result(): WalStreamEnd {
    if (this.#at < this.#stop && !this.#next) throw new Error('the server ended its WAL before its end');
    // A timeline that is over is followed by another, whether all of it was asked for or not.
    return { end: this.#at, ...(this.#next && this.#at < this.#stop ? { next: this.#next } : {}) };
  }

  #copyData(body: Buffer): Promise<void> | undefined {
    if (body[0] === KEEPALIVE) {
      if (body[17] === 1) this.sayAlive();
      return undefined;
    }
    if (body[0] !== WAL_DATA) throw new RangeError(`a message of the unknown kind ${body[0]}`);
    const from = body.readBigUInt64BE(1);
    if (from !== this.#at) throw new RangeError(`WAL of ${formatLsn(from)} came instead of ${formatLsn(this.#at)}`);
    const left = this.#stop - from;
    const bytes = body.subarray(WAL_HEADER, WAL_HEADER + Number(left < body.length ? left : BigInt(body.length)));
    this.#at += BigInt(bytes.length);
    if (this.#at === this.#stop) this.#end();
    return this.take(bytes);
  }

  #end(): void {
    this.#state = 'ending';
    const message = Buffer.alloc(5);
    message.writeUInt8(MESSAGE.copyDone, 0);
    message.writeInt32BE(4, 1);
    this.line.send(message);
  }
}
