import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';

/** What stands before a program's reads and writes in the queue of a disk; `none`: nothing is said. */
export const IO_CLASSES = ['best-effort', 'idle', 'none'] as const;
export type IoClass = (typeof IO_CLASSES)[number];

/** Slower than this, a server that is waited for gives up its connection. */
const SLOWEST_RATE = 65_536;
const FASTEST_RATE = 1_000_000_000_000;

/** How much of the worker's machine, of the source and of the network a run may take (BATCH-101 §8.1, §10.2). */
export class ResourcesSpec {
  /** Of all processors that the worker may use, for the worker and all that it starts; 100: no limit. */
  @IsOptional()
  @IsInt()
  @Min(5)
  @Max(100)
  cpuPercent: number = 50;

  /** Of the programs that are started. `idle`: only when nobody else wants the disk. */
  @IsOptional()
  @IsIn(IO_CLASSES)
  ioClass: IoClass = 'best-effort';

  /** Of the class best-effort: 0 goes first, 7 last. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(7)
  ioLevel: number = 7;

  /** Of the data, before compression; absent: no limit. */
  @IsOptional()
  @IsInt()
  @Min(SLOWEST_RATE)
  @Max(FASTEST_RATE)
  readBytesPerSecond?: number;

  /** Of the artefact, to each of its storages; absent: no limit. */
  @IsOptional()
  @IsInt()
  @Min(SLOWEST_RATE)
  @Max(FASTEST_RATE)
  writeBytesPerSecond?: number;
}
