import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveSecret } from '@hozen/access';
import { HozenError, transportOf, type RepositorySpec } from '@hozen/contracts';
import { findProgram, memoryFolder, runTool, toolOutput, ToolEnvironment, type ToolRun } from '@hozen/dbms';
import { repositoryError } from './repository-error.js';

/** Git talks to nobody but by the one way that a repository is reached by. */
const TRANSPORTS = { file: 'file', https: 'https:http', ssh: 'ssh' } as const;

/** Bytes a second, and seconds: slower than that is dead. */
const SLOWEST = { bytes: 100, seconds: 60 };

/**
 * Asked for user and password. They stand in its environment: arguments can be read by everybody, and a configuration
 * would stay.
 */
const ASKPASS = `#!/bin/sh
case $1 in
  [Uu]sername*) printf '%s\\n' "$HOZEN_GIT_USER" ;;
  *) printf '%s\\n' "$HOZEN_GIT_PASSWORD" ;;
esac
`;

type GitRun = Pick<ToolRun, 'stdin' | 'goodExits' | 'signal'>;

/**
 * The git program, as it is run here: nothing of the machine's configuration or of a user's counts, no hook of the scratch
 * repository runs, nobody is asked anything.
 */
export class Git implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    readonly path: string,
    private readonly environment: ToolEnvironment,
    private readonly repository: RepositorySpec | undefined,
    private readonly sandbox: ToolRun['sandbox'],
  ) {}

  /**
   * @param repository the one that it may reach, besides folders of the spool
   * @throws HozenError TOOL_MISSING, SECRET_UNAVAILABLE
   */
  static open(repository: RepositorySpec): Promise<Git> {
    return Git.#open(repository);
  }

  /**
   * For a repository that came out of a backup: git sees nothing but the folder that it lies in.
   * @throws HozenError TOOL_MISSING, and SANDBOX_MISSING when it is run
   */
  static within(folder: string): Promise<Git> {
    return Git.#open(undefined, folder);
  }

  static async #open(repository: RepositorySpec | undefined, within?: string): Promise<Git> {
    const path = findProgram('git');
    if (path === undefined) {
      throw new HozenError('TOOL_MISSING', { tool: 'git', major: '' }, { detail: 'install the package git' });
    }
    const folder = await mkdtemp(join(memoryFolder(), 'hz-git-'));
    try {
      const { variables, secrets } = await surroundings(folder, repository);
      const sandbox = within === undefined ? undefined : { reads: [folder], writes: [within] };
      return new Git(folder, path, new ToolEnvironment(variables, undefined, secrets), repository, sandbox);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What it prints. @throws HozenError TOOL_FAILED, and of the REPOSITORY_ codes */
  async output(args: readonly string[], run: GitRun = {}): Promise<Buffer> {
    return this.#orRefused(() => toolOutput(this.of(args, run)));
  }

  async run(args: readonly string[], run: GitRun = {}): Promise<void> {
    await this.#orRefused(() => runTool({ ...this.of(args, run), stdout: 'ignore' }).done);
  }

  of(args: readonly string[], run: GitRun = {}): ToolRun {
    const about = { path: this.path, args, env: this.environment, spanName: `git ${subcommand(args)}`, ...run };
    return this.sandbox ? { ...about, sandbox: this.sandbox } : about;
  }

  async version(): Promise<string> {
    const [, version = ''] = /(\d[\w.]*)/.exec((await this.output(['--version'])).toString('utf8')) ?? [];
    return version;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #orRefused<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.repository ? repositoryError(error, this.repository) : error;
    }
  }
}

function subcommand(args: readonly string[]): string {
  return args.find((arg) => !arg.startsWith('-')) ?? '';
}

async function surroundings(
  folder: string,
  repository: RepositorySpec | undefined,
): Promise<{ variables: Record<string, string>; secrets: string[] }> {
  await writePrivate(join(folder, 'config'), configuration(repository));
  const variables: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(folder, 'config'),
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: repository ? `file:${TRANSPORTS[transportOf(repository)]}` : 'file',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
  const transport = repository && transportOf(repository);
  if (repository && transport === 'ssh') variables['GIT_SSH_COMMAND'] = await sshCommand(folder, repository);
  if (transport === 'https') Object.assign(variables, proxies());
  if (!repository?.password || transport !== 'https') return { variables, secrets: [] };
  const password = await resolveSecret(repository.password);
  await writeFile(join(folder, 'askpass'), ASKPASS, { mode: 0o700, flag: 'wx' });
  Object.assign(variables, {
    GIT_ASKPASS: join(folder, 'askpass'),
    HOZEN_GIT_USER: repository.user ?? 'hozen',
    HOZEN_GIT_PASSWORD: password,
  });
  return { variables, secrets: [password] };
}

/** Of the machine, where it has any. */
function proxies(): Record<string, string> {
  const names = ['https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** It is the only one that counts, for the other end of a local repository too. */
function configuration(repository: RepositorySpec | undefined): string {
  const { caFile } = repository ?? {};
  return `[core]
	hooksPath = /dev/null
	fsmonitor = false
	quotePath = false
	precomposeUnicode = false
	protectNTFS = false
	protectHFS = false
	fsync = all
[gc]
	auto = 0
[maintenance]
	auto = false
[credential]
	helper =
[http]
	followRedirects = false
	lowSpeedLimit = ${SLOWEST.bytes}
	lowSpeedTime = ${SLOWEST.seconds}
${caFile === undefined ? '' : `\tsslCAInfo = ${JSON.stringify(caFile)}\n`}`;
}

/** Ssh reads keys from files alone. */
async function sshCommand(folder: string, { key = '', knownHosts = '' }: RepositorySpec): Promise<string> {
  const identity = join(folder, 'key');
  await writePrivate(identity, `${await resolveSecret(key)}\n`);
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile="${knownHosts}"`,
    'GlobalKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'ConnectTimeout=15',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
    'PermitLocalCommand=no',
    'ClearAllForwardings=yes',
  ];
  const quoted = options.map((option) => `-o '${option.replaceAll("'", String.raw`'\''`)}'`);
  return `ssh -F /dev/null -i '${identity}' ${quoted.join(' ')}`;
}

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
}
