import { writeFile } from 'node:fs/promises';
import { median, type Measured } from './measure.js';

/** One line of a side-by-side: ours and the peer's median of the interleaved rounds. */
export interface BenchRow {
  work: string;
  ours: string;
  peer: string;
  wallSeconds: { ours: number; peer: number };
  cpuSeconds: { ours: number; peer: number };
  peakMb: { ours: number; peer: number };
  sizeMb: { ours: number; peer: number };
}

export function row(work: string, ours: string, peer: string, mine: Measured[], theirs: Measured[]): BenchRow {
  const of = (figure: keyof Measured) => ({
    ours: median(mine.map((each) => each[figure])),
    peer: median(theirs.map((each) => each[figure])),
  });
  return {
    work,
    ours,
    peer,
    wallSeconds: of('wall'),
    cpuSeconds: of('cpu'),
    peakMb: of('peak'),
    sizeMb: of('size'),
  };
}

/** Prints the rows with their ratios, and writes them as JSON where that was asked for. */
export async function report(rows: BenchRow[], jsonFile: string | undefined): Promise<void> {
  const table = rows.map((row) => ({
    work: row.work,
    ours: row.ours,
    peer: row.peer,
    'wall s': both(row.wallSeconds),
    'CPU s': both(row.cpuSeconds),
    'peak MB': both(row.peakMb),
    'size MB': both(row.sizeMb),
    'times faster': (row.wallSeconds.peer / row.wallSeconds.ours).toFixed(2),
    'CPU share': (row.cpuSeconds.ours / row.cpuSeconds.peer).toFixed(2),
    'times smaller': (row.sizeMb.peer / row.sizeMb.ours).toFixed(2),
  }));
  process.stdout.write(`${JSON.stringify(table, undefined, 2)}\n`);
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(rows, undefined, 2)}\n`);
}

function both({ ours, peer }: { ours: number; peer: number }): string {
  return `${ours.toFixed(1)} : ${peer.toFixed(1)}`;
}
