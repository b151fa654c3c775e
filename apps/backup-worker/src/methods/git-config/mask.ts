import { maskPattern } from '@hozen/contracts';
import { fromText, toText, type ByteText } from '../files/byte-text.js';
import { BLOCK_START, KEY_END, KEY_START, LINE_RULES } from './mask-rules.js';

/** Stands where a secret stood: nothing else looks like it, so that it is found again. */
export const MASKED = 'HOZEN-MASKED-SECRET';

/** In a line that is longer nothing can be told apart: it is masked as a whole. */
const LONGEST_LINE = 16_384;

export interface Masked {
  text: ByteText;
  /** Places that were masked. */
  places: number;
}

/** Masks secrets in texts, by the built-in rules and by those of a target. */
export class Masker {
  readonly #own;

  /** @param patterns of RE2 */
  constructor(patterns: readonly string[]) {
    this.#own = patterns.map((pattern) => maskPattern(pattern));
  }

  /** Works on bytes: whatever the text is written in, what is not masked stays as it is. */
  mask(text: ByteText): Masked {
    const own = this.#byOwnRules(text);
    const masking = new LineMasking();
    const lines = own.text.split('\n').map((line) => masking.line(line));
    return { text: lines.filter((line) => line !== undefined).join('\n'), places: own.places + masking.places };
  }

  #byOwnRules(text: ByteText): Masked {
    if (this.#own.length === 0) return { text, places: 0 };
    // Patterns are written in letters, and the text is bytes.
    let masked = toText(text);
    let places = 0;
    for (const pattern of this.#own) {
      const matcher = pattern.matcher(masked);
      let [done, at] = ['', 0];
      while (matcher.find()) {
        const group = matcher.groupCount() > 0 && matcher.start(1) >= 0 ? 1 : 0;
        const [start, end] = [matcher.start(group), matcher.end(group)];
        if (start === end) continue;
        done += masked.slice(at, start) + MASKED;
        at = end;
        places++;
      }
      masked = done + masked.slice(at);
    }
    return { text: fromText(masked), places };
  }
}

/** One text, line by line: some secrets are longer than one. */
class LineMasking {
  places = 0;
  #inKey = false;
  /** Indentation of the setting whose value follows, and whether any of it was seen. */
  #block: { indentation: number; isMasked: boolean } | undefined;

  line(line: string): string | undefined {
    const [carriage = ''] = /\r$/.exec(line) ?? [];
    const masked = this.#masked(line.slice(0, line.length - carriage.length));
    return masked === undefined ? undefined : masked + carriage;
  }

  /** @returns undefined for a further line of a secret that is masked already */
  #masked(line: string): string | undefined {
    if (this.#inKey) return this.#withinKey(line);
    if (this.#block) {
      const within = this.#withinBlock(line, this.#block);
      if (within !== 'after') return within;
    }
    if (line.length > LONGEST_LINE) return this.#whole();
    const key = KEY_START.exec(line);
    if (key) {
      this.#inKey = (KEY_END.exec(line)?.index ?? -1) < key.index;
      return line.slice(0, key.index) + this.#whole();
    }
    const block = BLOCK_START.exec(line);
    if (block) {
      this.#block = { indentation: block[1]?.length ?? 0, isMasked: false };
      return line;
    }
    return LINE_RULES.reduce((masked, rule) => this.#byRule(masked, rule), line);
  }

  #withinKey(line: string): undefined {
    if (KEY_END.test(line)) this.#inKey = false;
    return undefined;
  }

  #withinBlock(line: string, block: { indentation: number; isMasked: boolean }): string | undefined {
    if (line.trim() === '') return line;
    const indentation = /^\s*/.exec(line)?.[0] ?? '';
    if (indentation.length <= block.indentation) {
      this.#block = undefined;
      return 'after';
    }
    if (block.isMasked) return undefined;
    block.isMasked = true;
    if (line.includes(MASKED)) return line;
    return indentation + this.#whole();
  }

  #whole(): string {
    this.places++;
    return MASKED;
  }

  /** Only the secret goes; what stands around it still says what it was. */
  #byRule(line: string, rule: RegExp): string {
    return line.replace(rule, (match: string, secret: string) => {
      const value = secret.trimEnd();
      if (isNoSecret(value)) return match;
      this.places++;
      const at = match.lastIndexOf(secret);
      return match.slice(0, at) + quoted(value) + match.slice(at + value.length);
    });
  }
}

/** Masked already, empty, or a name of where the secret is. */
function isNoSecret(value: string): boolean {
  return value.includes(MASKED) || /^(?:["']{0,2}|\\["']\\["']|null|~|\$\{[\w.:-]+\}?|\$\w+)[;,]?$/i.test(value);
}

/** The quotes stay, so that the file is still one of its kind. */
function quoted(value: string): string {
  const [, quote = '', end = ''] = /^(\\["']|''|["']).*\1([,;]?)$/.exec(value) ?? [];
  return quote + MASKED + quote + end;
}
