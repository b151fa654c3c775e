import { join } from 'node:path';
import { parseLsn, type BaseBackupFacts } from '@hozen/dbms';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { ArchiveCopy, type Unchanged } from './archive-copy.js';
import { ChangedPages } from './changed-pages.js';
import type { Parent } from './parent.js';

/** Bytes between two reports of progress. */
const REPORT_EVERY = 4 * 1024 * 1024;

/** What came of a copy: as the server says it when it sends the files itself. */
export interface CopiedFiles {
  facts: BaseBackupFacts;
  /** The backup_manifest. */
  list: string;
}

/** The archives of one copy, one after the other, each a stream of the artefact. */
export class CopiedArchives {
  #archive: ArchiveCopy | undefined;
  #bytes = 0;
  #reported = 0;
  readonly #unchanged: Unchanged | undefined;

  /**
   * @param expectedBytes of the files
   * @param parent where pages are left out that it has
   */
  constructor(
    job: BackupJob,
    private readonly writer: ArtefactWriter,
    private readonly expectedBytes: number,
    private readonly context: Pick<AttemptContext, 'progress'>,
    private readonly parent: Parent | undefined,
  ) {
    if (!parent) return;
    const pages = new ChangedPages(parseLsn(parent.physical.startLsn), join(job.spoolDir, 'changed-pages'));
    this.#unchanged = { pages, files: new Map(parent.files.map((file) => [file.path, file])) };
  }

  /** The run that made the backup whose pages are left out. */
  get parentRun(): string | undefined {
    return this.parent?.manifest.runId;
  }

  /** The one that is being written. */
  get current(): ArchiveCopy | undefined {
    return this.#archive;
  }

  /** @param name `base.tar`, or `<oid>.tar` */
  async begin(name: string): Promise<ArchiveCopy> {
    await this.end();
    return (this.#archive = new ArchiveCopy(name, this.writer.openStream(name), this.#unchanged));
  }

  async end(): Promise<void> {
    const archive = this.#archive;
    this.#archive = undefined;
    if (!archive) return;
    await archive.end();
    await this.writer.endStream(archive.stream);
  }

  /** Bytes that were read. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes - this.#reported < REPORT_EVERY) return;
    this.#reported = this.#bytes;
    const expectedBytes = Math.max(this.#bytes, this.expectedBytes);
    this.context.progress({ phase: 'dumping', bytes: this.#bytes, expectedBytes });
  }
}
