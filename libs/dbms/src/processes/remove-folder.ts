import { runTool } from '../tools/run-tool.js';
import { findSystemProgram } from './find-program.js';

/**
 * Removes a folder with all that is in it, if it is there. By a program: Node's own `rm` begins on all files of a folder at
 * once, and takes a kilobyte of memory for each; a server of ten thousand tables has forty thousand files in one.
 * @throws HozenError TOOL_FAILED
 */
export async function removeFolder(folder: string): Promise<void> {
  await runTool({ path: findSystemProgram('rm') ?? '/bin/rm', args: ['-rf', '--', folder], stdout: 'ignore' }).done;
}
