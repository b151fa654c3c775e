/** Keeps the end of a text, for messages: a program that complains without end must not fill our memory. */
export class TailText {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private cut = false;
  private readonly longestSecret: number;

  /** @param limit bytes of text kept; @param secrets texts that are blotted out */
  constructor(
    private readonly limit: number,
    private readonly secrets: readonly string[],
  ) {
    this.longestSecret = Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret)));
  }

  append(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= 2 * this.limit) return;
    const kept = this.limit + this.longestSecret;
    this.chunks = [Buffer.concat(this.chunks).subarray(-kept)];
    this.bytes = kept;
    this.cut = true;
  }

  toString(): string {
    const all = Buffer.concat(this.chunks);
    const text = this.redacted((this.cut ? withoutBrokenStart(all, this.longestSecret) : all).toString('utf8'));
    return text.length > this.limit ? text.slice(-this.limit) : text;
  }

  private redacted(text: string): string {
    return this.secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '***')), text);
  }
}

/** The first line may be half a line and may begin with half a secret, which the blotting out would not know. */
function withoutBrokenStart(bytes: Buffer, longestSecret: number): Buffer {
  const newline = bytes.indexOf(0x0a);
  return bytes.subarray(newline >= 0 ? newline + 1 : longestSecret);
}
