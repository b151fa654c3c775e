import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { HozenError, transportOf, type RepositorySpec } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { toBytes, type ByteText } from '../files/byte-text.js';
import { commitMessage } from './commit-message.js';
import type { Git } from './git.js';
import { ensureRepository, initialize } from './local-repository.js';
import type { Snapshot, StoredText } from './take-snapshot.js';

/** The repository of a config, with what was left to defaults. */
export type Repository = RepositorySpec & { folder: string };

export interface Committed {
  id: string;
  /** This run made it, in this attempt or an earlier one. */
  changed: boolean;
}

/** Others may push to the same branch: then it is done again on top of theirs. */
const TRIES = 8;

const MOVED_ON =
  /\[rejected\]|cannot lock ref|failed to update ref|incorrect old value|\(fetch first\)|non-fast-forward/;

const REMOTE = 'refs/hozen/remote';
const OURS = 'refs/hozen/ours';

/**
 * Commits a snapshot on top of the branch and pushes it; without a change, there is nothing to commit. Never forced: what
 * others have pushed stays below it, and of two workers with the same snapshot one finds it there.
 * @param scratch a folder that does not exist yet
 * @throws HozenError REPOSITORY_UNREACHABLE, REPOSITORY_REFUSED, REPOSITORY_BUSY, LEASE_LOST
 */
export async function commitSnapshot(
  { job, git, repository, snapshot, scratch }: Committing,
  context: Pick<AttemptContext, 'ensureLease' | 'signal'>,
): Promise<Committed> {
  return inSpan('commit snapshot', { attributes: { 'hozen.repository': repository.url } }, async (span) => {
    if (transportOf(repository) === 'file') await ensureRepository(git, repository);
    await initialize(git, scratch, repository.branch);
    const local = new Scratch(git, scratch, repository, context.signal);
    for (let turn = 1; turn <= TRIES; turn++) {
      const tip = await local.fetch();
      await local.write(snapshot, tip, commitMessage(job, snapshot));
      const known = tip && (await local.unchangedSince());
      if (known) return { id: known, changed: await local.isBy(known, job.runId) };
      const id = await local.idOf(OURS);
      context.ensureLease();
      await failpoint('git.before-push');
      if (await local.push(id)) {
        await failpoint('git.pushed');
        span.setAttribute('hozen.commit', id);
        return { id, changed: true };
      }
    }
    throw new HozenError('REPOSITORY_BUSY', { repository: repository.url });
  });
}

export interface Committing {
  job: BackupJob;
  git: Git;
  repository: Repository;
  snapshot: Snapshot;
  scratch: string;
}

/** A bare repository of our own, between the snapshot and the repository of the config. */
class Scratch {
  constructor(
    private readonly git: Git,
    private readonly folder: string,
    private readonly repository: Repository,
    private readonly signal: AbortSignal,
  ) {}

  /** @returns the tip of the branch; undefined where there is no such branch yet */
  async fetch(): Promise<string | undefined> {
    const { url, branch } = this.repository;
    const head = `refs/heads/${branch}`;
    // 2: there is none.
    const listed = await this.#output(['ls-remote', '--exit-code', '--', url, head], [2]);
    if (listed === '') return undefined;
    const refspec = `+${head}:${REMOTE}`;
    await this.#run([
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--',
      url,
      refspec,
    ]);
    return this.idOf(REMOTE);
  }

  /** Writes the snapshot as a commit on top of the tip: byte for byte, whatever attributes the repository has. */
  async write(snapshot: Snapshot, tip: string | undefined, message: string): Promise<void> {
    const { author, folder } = this.repository;
    const stdin = Readable.from(importOf({ snapshot, tip, message, author, folder }));
    const { signal } = this;
    await this.git.run([...this.#at(), 'fast-import', '--quiet', '--force', '--date-format=raw'], { stdin, signal });
  }

  /** @returns the commit that has the same already */
  async unchangedSince(): Promise<string | undefined> {
    if ((await this.idOf(`${REMOTE}^{tree}`)) !== (await this.idOf(`${OURS}^{tree}`))) return undefined;
    return this.#output(['log', '-1', '--format=%H', REMOTE, '--', `:(top,literal)${this.repository.folder}`]);
  }

  async isBy(commit: string, runId: string): Promise<boolean> {
    const format = '--format=%(trailers:key=Hozen-Run,valueonly)';
    return (await this.#output(['log', '-1', format, commit])).split('\n').includes(runId);
  }

  /** @returns false when the branch has moved on meanwhile */
  async push(commit: string): Promise<boolean> {
    const { url, branch } = this.repository;
    try {
      await this.#run(['push', '--quiet', '--no-verify', '--no-signed', '--', url, `${commit}:refs/heads/${branch}`]);
      return true;
    } catch (error) {
      if (
        error instanceof HozenError &&
        MOVED_ON.test(error.detail ?? '') &&
        !/remote rejected\].*declined/.test(error.detail ?? '')
      )
        return false;
      throw error;
    }
  }

  idOf(revision: string): Promise<string> {
    return this.#output(['rev-parse', '--verify', '--end-of-options', revision]);
  }

  async #output(args: readonly string[], goodExits: readonly number[] = []): Promise<string> {
    const { signal } = this;
    return (await this.git.output([...this.#at(), ...args], { goodExits, signal })).toString('utf8').trim();
  }

  async #run(args: readonly string[]): Promise<void> {
    await this.git.run([...this.#at(), ...args], { signal: this.signal });
  }

  #at(): string[] {
    return [`--git-dir=${this.folder}`];
  }
}

interface Import extends Pick<Repository, 'author' | 'folder'> {
  snapshot: Snapshot;
  tip: string | undefined;
  message: string;
}

/** What `git fast-import` reads. */
async function* importOf({ snapshot, tip, message, author, folder }: Import): AsyncGenerator<Buffer> {
  const person = `${author} ${Math.floor(Date.now() / 1000)} +0000`;
  yield Buffer.from(`commit ${OURS}\nauthor ${person}\ncommitter ${person}\n`);
  yield data(Buffer.from(message));
  yield Buffer.from(tip === undefined ? '' : `from ${tip}\n`);
  const top = Buffer.from(folder).toString('latin1');
  yield toBytes(tip === undefined ? '' : `D ${quoted(top)}\n`);
  for (const stored of snapshot.stored) {
    yield toBytes(`M ${stored.mode} inline ${quoted(`${top}/${stored.path}`)}\n`);
    yield data(await contentOf(snapshot, stored));
  }
  yield Buffer.from('done\n');
}

function data(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')]);
}

/** As C writes it: any name, a line feed in it too. */
function quoted(path: ByteText): ByteText {
  return `"${path.replace(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`;
}

export async function contentOf({ folder }: Pick<Snapshot, 'folder'>, { path, mode }: StoredText): Promise<Buffer> {
  const place = toBytes(`${Buffer.from(join(folder, '/')).toString('latin1')}${path}`);
  return mode === '120000' ? readlink(place, { encoding: 'buffer' }) : readFile(place);
}
