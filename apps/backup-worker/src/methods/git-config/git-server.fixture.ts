import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BACKEND = '/usr/lib/git-core/git-http-backend';

/** Repositories below a folder over https, as a server with git-http-backend gives them to who has the password. */
export class GitServer implements AsyncDisposable {
  readonly requests: string[] = [];

  private constructor(
    private readonly server: Server,
    readonly caFile: string,
  ) {}

  static async start(folder: string, user: string, password: string): Promise<GitServer> {
    const [key, caFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', caFile];
    await run('openssl', [...made, ...subject]);
    const server = createServer({ key: await readFile(key), cert: await readFile(caFile) });
    const git = new GitServer(server, caFile);
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    server.on('request', (request, response) => {
      git.requests.push(request.url ?? '');
      if (request.headers.authorization === basic) return backend(folder, request, response);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return git;
  }

  url(name: string): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** CGI (RFC 3875), as far as git needs it. */
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'https://localhost');
  const env = {
    PATH: process.env['PATH'] ?? '',
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    REMOTE_USER: 'someone',
    REQUEST_METHOD: request.method ?? '',
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
  };
  const child = spawn(BACKEND, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    const headers = answer
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s));
    const status = Number.parseInt(headers.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
    for (const [name = '', value = ''] of headers)
      if (name !== 'Status' && name !== '') response.setHeader(name, value);
    response.writeHead(status).end(answer.subarray(end + 4));
  });
}
