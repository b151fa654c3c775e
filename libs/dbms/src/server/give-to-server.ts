import { toolOutput } from '../tools/tool-output.js';
import { findProgram } from '../processes/find-program.js';
import { serverUser } from './server-user.js';

/** Makes the user of our servers the owner of a folder and all that is in it: a server refuses the data of others. */
export async function giveToServer(folder: string): Promise<void> {
  const owner = await serverUser();
  if (owner === undefined) return;
  await toolOutput({
    path: findProgram('chown') ?? '/bin/chown',
    args: ['--recursive', '--no-dereference', `${owner.uid}:${owner.gid}`, folder],
  });
}
