import { describe, expect, it } from 'vitest';
import { DumpHead } from './dump-head.js';

const BEFORE = "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n";
const AFTER = "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;\n";
const CHECKS = 'SET CHECK_CONSTRAINT_CHECKS=0;\n';

function stored(dump: string, pieceBytes: number, flavour: 'mariadb' | 'mysql' = 'mariadb'): string {
  const head = new DumpHead(flavour);
  const bytes = Buffer.from(dump);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) parts.push(head.push(bytes.subarray(at, at + pieceBytes)));
  return Buffer.concat([...parts, head.end()]).toString('utf8');
}

describe('the head of a dump', () => {
  it.each([1, 7, 4096, 100_000])('has every row taken back, read in pieces of %i bytes', (pieceBytes) => {
    const rest = `INSERT INTO \`t\` VALUES\n('${'x'.repeat(9000)}');\n`;
    expect(stored(BEFORE + rest, pieceBytes)).toBe(AFTER + CHECKS + rest);
    expect(stored(BEFORE, pieceBytes, 'mysql')).toBe(AFTER);
  });

  it('is changed in its settings alone: rows that read like them stay as they are', () => {
    const rest = `${'-'.repeat(5000)}\n${BEFORE}`;
    expect(stored(rest, 100)).toBe(rest);
  });
});
