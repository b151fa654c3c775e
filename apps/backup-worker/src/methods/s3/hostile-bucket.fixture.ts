import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const MODIFIED = new Date('2026-01-02T03:04:05Z');

/** A provider that takes keys which no server that keeps its objects as files does; read only, in no order at all. */
export class HostileBucket implements AsyncDisposable {
  private constructor(
    private readonly server: Server,
    readonly objects: Map<string, Buffer>,
  ) {}

  static async start(objects: Map<string, Buffer>): Promise<HostileBucket> {
    const bucket = new HostileBucket(createServer(), objects);
    bucket.server.on('request', (request, response) => bucket.#answer(request, response));
    await once(bucket.server.listen(0, '127.0.0.1'), 'listening');
    return bucket;
  }

  /** As a target has it. */
  get access(): object {
    const endpoint = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return { bucket: 'hostile', endpoint, accessKey: 'env:PATH', secretKey: 'env:PATH' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const [path = '', query = ''] = url.split('?');
    const asked = new URLSearchParams(query);
    if (asked.has('list-type')) return void response.end(this.#page(Number(asked.get('continuation-token') ?? 0)));
    const content = this.objects.get(decodeURIComponent(path.slice('/hostile/'.length)));
    if (!content) return void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    const headers = {
      etag: etagOf(content),
      'last-modified': MODIFIED.toUTCString(),
      'content-length': content.length,
    };
    response.writeHead(200, headers).end(content);
  }

  #page(from: number): string {
    const all = [...this.objects];
    const page = all.slice(from, from + 10).map(
      ([key, content]) => `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${content.length}</Size>
        <ETag>${etagOf(content).replaceAll('"', '&quot;')}</ETag><LastModified>${MODIFIED.toISOString()}</LastModified></Contents>`,
    );
    const next = from + 10 < all.length ? `<NextContinuationToken>${from + 10}</NextContinuationToken>` : '';
    return `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType>
      <IsTruncated>${next !== ''}</IsTruncated>${next}${page.join('')}</ListBucketResult>`;
  }
}

function etagOf(content: Buffer): string {
  return `"${createHash('md5').update(content).digest('hex')}"`;
}
