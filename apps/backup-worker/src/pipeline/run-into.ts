import { runTool, type ToolRun } from '@hozen/dbms';
import { ToolOutput, type TakeChunk } from './tool-output.js';

/** Runs a program to its end, and hands over what it prints. @returns its messages */
export async function runInto(tool: ToolRun, take: TakeChunk): Promise<{ stderr: string }> {
  const output = await ToolOutput.open();
  try {
    const running = output.give((stdout) => runTool({ ...tool, stdout }));
    const reading = output.read(take);
    // The program's own words say more than the pipe that broke with it.
    const [done, read] = await Promise.allSettled([running.done, reading]);
    if (read.status === 'rejected' && done.status === 'fulfilled') throw read.reason;
    if (done.status === 'rejected') throw done.reason;
    return done.value;
  } finally {
    output.close();
  }
}
