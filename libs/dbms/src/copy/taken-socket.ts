import type { Socket } from 'node:net';
import type { TargetClient } from '../connection/connect.js';
import { ReusedSocket } from '../connection/reused-socket.js';

/** What of the driver's connection is used here; its types leave it out. */
interface DriverConnection {
  stream: Socket;
  query(sql: string): void;
}

export interface SocketUser {
  /** @returns a promise to hold the next bytes back until it is done; the chunk may be changed, and is used again */
  data: (chunk: Buffer) => Promise<void> | undefined;
  /** Bytes could not be taken, or the socket was closed. */
  failed: (error: Error) => void;
}

/**
 * The socket of a connected client that is between two queries, taken from the driver: it makes an object of every row.
 * Given back when disposed; the server must be ready for the next query then.
 */
export class TakenSocket implements Disposable {
  readonly #connection: DriverConnection;
  readonly #driver: ((chunk: Buffer) => void)[];
  #giveBack: () => void;

  constructor(
    client: TargetClient,
    private readonly user: SocketUser,
  ) {
    this.#connection = (client as unknown as { connection: DriverConnection }).connection;
    const socket = this.socket;
    this.#driver = socket.listeners('data') as ((chunk: Buffer) => void)[];
    socket.on('close', this.#closed);
    if (socket instanceof ReusedSocket) {
      socket.takeChunks((chunk) => this.#holding(this.#tried(chunk)));
      this.#giveBack = () => socket.takeChunks(undefined);
    } else {
      const listener = (chunk: Buffer) => {
        if (this.#holding(this.#tried(chunk))) return;
        socket.pause();
      };
      socket.removeAllListeners('data').on('data', listener);
      this.#giveBack = () => {
        socket.off('data', listener);
        for (const each of this.#driver) socket.on('data', each);
      };
    }
  }

  get socket(): Socket {
    return this.#connection.stream;
  }

  query(sql: string): void {
    this.#connection.query(sql);
  }

  [Symbol.dispose](): void {
    this.socket.off('close', this.#closed);
    this.#giveBack();
    this.socket.resume();
  }

  readonly #closed = () => this.user.failed(new Error('Connection terminated'));

  #tried(chunk: Buffer): Promise<void> | undefined {
    try {
      return this.user.data(chunk);
    } catch (error) {
      this.user.failed(error as Error);
      return undefined;
    }
  }

  /** @returns whether reading goes on at once */
  #holding(wait: Promise<void> | undefined): boolean {
    if (wait === undefined) return true;
    wait.then(
      () => this.socket.resume(),
      (error: unknown) => this.user.failed(error as Error),
    );
    return false;
  }
}
