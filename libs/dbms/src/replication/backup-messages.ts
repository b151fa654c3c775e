import { MESSAGE, serverError } from '../copy/copy-messages.js';

/** What BASE_BACKUP sends since PostgreSQL 15: one COPY, whose messages begin with a letter of their own. Before, a COPY each. */
const KIND = { archive: 0x6e, manifest: 0x6d, data: 0x64, progress: 0x70 } as const;

const COPY_OUT = 0x48;
const ROW_DESCRIPTION = 0x54;
const DATA_ROW = 0x44;
const NOTICE = 0x4e;

/** Type and length. */
const HEADER = 5;
/** Everything but archive data is short; a longer one is not this protocol. */
const LONGEST = 1 << 20;

export interface BackupMessagesHandler {
  /** @param fields null for NULL; `result` counts the results of the command from 0 */
  row(result: number, fields: (string | null)[]): void;
  /** A COPY begins. Where each archive is one of its own, all data that follows is its. */
  copy(): Promise<void> | undefined;
  /** An archive begins: all data that follows is its. */
  archive(name: string, location: string): Promise<void> | undefined;
  /** The manifest begins: all data that follows is its. */
  manifest(): Promise<void> | undefined;
  /** Taken before it returns, or before its promise is done: the bytes are used again. */
  data(bytes: Buffer): Promise<void> | undefined;
  warning(text: string): void;
  error(error: Error): void;
  ready(): void;
}

interface Message {
  type: number;
  /** Of CopyData. */
  kind: number;
  body: Buffer;
  filled: number;
}

/** Reads the messages of a server that sends a base backup, as their bytes come. */
export class BackupMessages {
  readonly #header = Buffer.alloc(HEADER);
  #headerBytes = 0;
  /** Of the CopyData whose content is handed on: bytes still to come. */
  #dataLeft = 0;
  /** A CopyData has begun, and its kind is not known yet: bytes of it. */
  #undecided = 0;
  #other: Message | undefined;
  #results = -1;

  /** @param lettered a letter before the content of each message of a COPY says what it is: PostgreSQL 15 and newer */
  constructor(
    private readonly handler: BackupMessagesHandler,
    private readonly lettered: boolean,
  ) {}

  /** @throws RangeError for bytes that are no messages */
  push(chunk: Buffer): Promise<void> | undefined {
    return this.#from(chunk, 0);
  }

  #from(chunk: Buffer, start: number): Promise<void> | undefined {
    let read = start;
    while (read < chunk.length) {
      let wait: Promise<void> | undefined;
      if (this.#dataLeft > 0) {
        const end = Math.min(chunk.length, read + this.#dataLeft);
        this.#dataLeft -= end - read;
        wait = this.handler.data(chunk.subarray(read, end));
        read = end;
      } else if (this.#undecided > 0) {
        wait = this.#decide(chunk[read++] ?? 0);
      } else if (this.#other) {
        const taken = chunk.copy(this.#other.body, this.#other.filled, read);
        this.#other.filled += taken;
        read += taken;
        wait = this.#endWhenFilled(this.#other);
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, read, read + HEADER - this.#headerBytes);
        this.#headerBytes += taken;
        read += taken;
        if (this.#headerBytes === HEADER) wait = this.#begin();
      }
      if (wait) {
        const next = read;
        return wait.then(() => this.#from(chunk, next));
      }
    }
    return undefined;
  }

  #begin(): Promise<void> | undefined {
    this.#headerBytes = 0;
    const type = this.#header[0] ?? 0;
    const length = this.#header.readInt32BE(1) - 4;
    if (length < 0) throw new RangeError(`a message of ${length} bytes`);
    if (type === MESSAGE.copyData) {
      if (this.lettered) this.#undecided = length;
      else this.#dataLeft = length;
      return undefined;
    }
    if (length > LONGEST) throw new RangeError(`a message of type ${type} and ${length} bytes`);
    if (length === 0) return this.#whole(type, 0, Buffer.alloc(0));
    this.#other = { type, kind: 0, body: Buffer.alloc(length), filled: 0 };
    return undefined;
  }

  #decide(kind: number): Promise<void> | undefined {
    const left = this.#undecided - 1;
    this.#undecided = 0;
    if (kind === KIND.data) {
      this.#dataLeft = left;
      return undefined;
    }
    if (left > LONGEST) throw new RangeError(`a message of kind ${kind} and ${left} bytes`);
    this.#other = { type: MESSAGE.copyData, kind, body: Buffer.alloc(left), filled: 0 };
    // That of the manifest is a letter and no more.
    return this.#endWhenFilled(this.#other);
  }

  #endWhenFilled(message: Message): Promise<void> | undefined {
    if (message.filled < message.body.length) return undefined;
    this.#other = undefined;
    return this.#whole(message.type, message.kind, message.body);
  }

  #whole(type: number, kind: number, body: Buffer): Promise<void> | undefined {
    switch (type) {
      case MESSAGE.copyData:
        return this.#part(kind, body);
      case COPY_OUT:
        return this.handler.copy();
      case ROW_DESCRIPTION:
        this.#results++;
        return undefined;
      case DATA_ROW:
        this.handler.row(this.#results, fieldsOf(body));
        return undefined;
      case NOTICE:
        this.handler.warning(serverError(body).message);
        return undefined;
      case MESSAGE.error:
        this.handler.error(serverError(body));
        return undefined;
      case MESSAGE.readyForQuery:
        this.handler.ready();
        return undefined;
      default:
        return undefined;
    }
  }

  #part(kind: number, body: Buffer): Promise<void> | undefined {
    switch (kind) {
      case KIND.archive: {
        const [name = '', location = ''] = body.toString('utf8').split('\0');
        return this.handler.archive(name, location);
      }
      case KIND.manifest:
        return this.handler.manifest();
      case KIND.progress:
        return undefined;
      default:
        throw new RangeError(`a message of the unknown kind ${kind}`);
    }
  }
}

/** Of a DataRow, as text; null for NULL. */
export function fieldsOf(body: Buffer): (string | null)[] {
  const fields: (string | null)[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    fields.push(length < 0 ? null : body.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return fields;
}
