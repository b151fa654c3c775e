import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HozenError } from '@hozen/contracts';

/** What a token may do; each may do what the ones before it may. */
export const ROLES = ['viewer', 'operator', 'dba'] as const;
export type Role = (typeof ROLES)[number];

/** A token as it is kept: never the token itself. */
export interface StoredToken {
  /** Of the person or program that has it. */
  name: string;
  role: Role;
  /** SHA-256 of the token, hexadecimal. It has 256 random bits, so nothing slower is needed. */
  sha256: string;
  /** RFC 3339. */
  createdAt: string;
  expiresAt?: string;
}

/** Who asks. */
export interface Identity {
  name: string;
  role: Role;
}

const PREFIX = 'hzt_';
const NAME = /^[^\p{Cc}\s][^\p{Cc}]{0,99}$/u;

/** Tokens of an installation, in a file that its services read. They are looked at anew whenever it has changed. */
export class TokenFile {
  #seen = '';
  #tokens: readonly StoredToken[] = [];

  constructor(readonly path: string) {}

  /** No file: none. @throws HozenError FILE_UNREADABLE: then nobody may do anything */
  async tokens(): Promise<readonly StoredToken[]> {
    const found = await stat(this.path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw unreadable(this.path, error);
    });
    const seen = found ? `${found.ino} ${found.size} ${found.mtimeNs}` : '';
    if (seen === this.#seen) return this.#tokens;
    this.#tokens = found ? await this.#read() : [];
    this.#seen = seen;
    return this.#tokens;
  }

  /** Who has this token; undefined for nobody. @throws HozenError FILE_UNREADABLE */
  async identify(token: string, now = new Date()): Promise<Identity | undefined> {
    const sha256 = hashOf(token);
    // Comparing hashes of secrets tells nothing of the secrets.
    const found = (await this.tokens()).find((each) => each.sha256 === sha256);
    if (!found || (found.expiresAt !== undefined && Date.parse(found.expiresAt) <= now.getTime())) return undefined;
    return { name: found.name, role: found.role };
  }

  /**
   * Adds one.
   * @returns the token, which is shown once and kept nowhere
   * @throws HozenError REQUEST_INVALID for a name that is taken or cannot be one; FILE_UNREADABLE
   */
  async create(name: string, role: Role, days?: number): Promise<string> {
    if (!NAME.test(name)) throw refused(name, 'a name has 1 to 100 printable characters');
    const there = await this.tokens();
    if (there.some((each) => each.name === name)) throw refused(name, 'there is a token of this name; revoke it first');
    const token = newToken();
    const createdAt = new Date();
    const expiresAt = days === undefined ? undefined : new Date(createdAt.getTime() + days * 86_400_000).toISOString();
    const added = { name, role, sha256: hashOf(token), createdAt: createdAt.toISOString() };
    await this.#write([...there, { ...added, ...(expiresAt === undefined ? {} : { expiresAt }) }]);
    return token;
  }

  /** @throws HozenError NOT_FOUND, FILE_UNREADABLE */
  async revoke(name: string): Promise<void> {
    const there = await this.tokens();
    const left = there.filter((each) => each.name !== name);
    if (left.length === there.length)
      throw new HozenError('NOT_FOUND', { what: 'token', id: name, list: 'token list' });
    await this.#write(left);
  }

  async #read(): Promise<StoredToken[]> {
    try {
      const { tokens } = JSON.parse(await readFile(this.path, 'utf8')) as { tokens: StoredToken[] };
      for (const token of tokens) check(token);
      return tokens;
    } catch (cause) {
      throw unreadable(this.path, cause);
    }
  }

  async #write(tokens: readonly StoredToken[]): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const beside = `${this.path}.${randomBytes(6).toString('hex')}`;
    try {
      const file = await open(beside, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify({ tokens }, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.path);
    } catch (cause) {
      await rm(beside, { force: true });
      throw unreadable(this.path, cause);
    }
  }
}

/** 256 random bits, with a beginning by which one is found where it should not be. */
export function newToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether a role may do what asks for another. */
export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

function check({ name, role, sha256, createdAt, expiresAt }: StoredToken): void {
  const isWell =
    NAME.test(name) &&
    ROLES.includes(role) &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    !Number.isNaN(Date.parse(createdAt)) &&
    (expiresAt === undefined || !Number.isNaN(Date.parse(expiresAt)));
  if (!isWell) throw new TypeError(`the token of ${JSON.stringify(name)} is not as it was written`);
}

function refused(name: string, message: string): HozenError {
  const reason = { field: 'name', value: name, message };
  return new HozenError('REQUEST_INVALID', {}, { detail: `name: ${message}`, reasons: [reason] });
}

function unreadable(path: string, cause: unknown): HozenError {
  const detail = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause);
  return new HozenError('FILE_UNREADABLE', { path }, { detail, cause });
}
