/** Message types of the protocol, as bytes (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
export const MESSAGE = {
  copyData: 0x64,
  copyDone: 0x63,
  commandComplete: 0x43,
  error: 0x45,
  readyForQuery: 0x5a,
} as const;

/** Type and length. */
const HEADER = 5;
/** Everything but CopyData is short; a longer one is not this protocol. */
const LONGEST = 1 << 20;

/** Takes rows before it returns: the buffer is used again. A promise holds the next ones back. */
export type TakeRows = (rows: Buffer) => Promise<void> | undefined;

/**
 * Reads the messages of a server as their bytes come, without an object or a call for each: CopyData carries one row,
 * and a large table has hundreds of millions. The rows of a chunk are moved together in the chunk itself.
 */
export class CopyMessages {
  readonly #header = Buffer.alloc(HEADER);
  #headerBytes = 0;
  /** Bytes of the current CopyData that are still to come. */
  #left = 0;
  #other: { type: number; body: Buffer; filled: number } | undefined;

  /** @param onMessage every message but CopyData; its body is its own */
  constructor(private readonly onMessage: (type: number, body: Buffer) => void) {}

  /**
   * @param chunk is changed: what is returned lies in it
   * @returns the content of all CopyData in it, one after the other
   * @throws RangeError for bytes that are no messages
   */
  push(chunk: Buffer): Buffer {
    let read = 0;
    let written = 0;
    while (read < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, read + this.#left);
        this.#left -= end - read;
        if (read !== written) chunk.copyWithin(written, read, end);
        written += end - read;
        read = end;
      } else if (this.#other) {
        read += this.#fill(this.#other, chunk, read);
      } else if (this.#headerBytes === 0 && chunk.length - read >= HEADER) {
        this.#begin(chunk[read] ?? 0, lengthAt(chunk, read + 1));
        read += HEADER;
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, read, read + HEADER - this.#headerBytes);
        this.#headerBytes += taken;
        read += taken;
        if (this.#headerBytes === HEADER) this.#begin(this.#header[0] ?? 0, lengthAt(this.#header, 1));
      }
    }
    return chunk.subarray(0, written);
  }

  #begin(type: number, length: number): void {
    this.#headerBytes = 0;
    if (length < 0) throw new RangeError(`a message of ${length} bytes`);
    if (type === MESSAGE.copyData) {
      this.#left = length;
      return;
    }
    if (length > LONGEST) throw new RangeError(`a message of type ${type} and ${length} bytes`);
    if (length === 0) this.onMessage(type, Buffer.alloc(0));
    else this.#other = { type, body: Buffer.alloc(length), filled: 0 };
  }

  #fill(message: { type: number; body: Buffer; filled: number }, chunk: Buffer, from: number): number {
    const taken = chunk.copy(message.body, message.filled, from);
    message.filled += taken;
    if (message.filled === message.body.length) {
      this.#other = undefined;
      this.onMessage(message.type, message.body);
    }
    return taken;
  }
}

/** Of the body: the number in the message counts itself. Inlined, because it is read for every row. */
function lengthAt(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) - 4
  );
}

/** ErrorResponse as an error with its SQLSTATE in `code`, as the driver's own errors have it. */
export function serverError(body: Buffer): Error {
  const fields = new Map<string, string>();
  for (const field of body.toString('utf8').split('\0')) if (field !== '') fields.set(field.charAt(0), field.slice(1));
  return Object.assign(new Error(fields.get('M') ?? 'the server reports an error without a message'), {
    code: fields.get('C') ?? '',
    severity: fields.get('V') ?? fields.get('S') ?? '',
  });
}
