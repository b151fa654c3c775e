import { readFile } from 'node:fs/promises';

/** Names of users and groups as this machine has them; the number, where it has none. */
export interface OwnerNames {
  user(uid: number): string;
  group(gid: number): string;
}

export async function ownerNames(): Promise<OwnerNames> {
  const [users, groups] = await Promise.all([namesIn('/etc/passwd'), namesIn('/etc/group')]);
  return { user: (uid) => users.get(uid) ?? String(uid), group: (gid) => groups.get(gid) ?? String(gid) };
}

async function namesIn(path: string): Promise<Map<number, string>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}
