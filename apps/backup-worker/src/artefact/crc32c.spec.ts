import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { crc32cText, loadCrc32c, ownCrc32c } from './crc32c.js';

describe('CRC-32C', () => {
  it('is that of RFC 3720', () => {
    expect(ownCrc32c(Buffer.alloc(32), 0)).toBe(0x8a9136aa);
    expect(ownCrc32c(Buffer.alloc(32, 0xff), 0)).toBe(0x62a8ab43);
    expect(ownCrc32c(Buffer.from('123456789'), 0)).toBe(0xe3069283);
  });

  it('is the same from the library, in pieces too', async () => {
    const crc32c = await loadCrc32c();
    const bytes = randomBytes(100_003);
    const whole = ownCrc32c(bytes, 0);
    expect(crc32c(bytes, 0)).toBe(whole);
    expect(crc32c(bytes.subarray(77), crc32c(bytes.subarray(0, 77), 0))).toBe(whole);
  });

  it('is written as PostgreSQL writes it', () => {
    expect(crc32cText(0x01020304)).toBe('04030201');
  });
});
