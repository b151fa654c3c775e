/**
 * A definition with the casts of its array constructors written at their elements.
 *
 * A server stores `status IN ('a', 'b')` of a varchar as a cast of the whole array, and shows it so:
 * `(ARRAY['a'::character varying, 'b'::character varying])::text[]`. Reading that back it casts each element instead:
 * `ARRAY[('a'::character varying)::text, ('b'::character varying)::text]`. Both are the same; a restored copy always has
 * the second one. (parse_expr.c, transformTypeCast.)
 */
export function withCastsAtElements(definition: string): string {
  let result = '';
  let at = 0;
  for (let left = MOST; ; left--) {
    const start = definition.indexOf(ARRAY, at);
    if (start < 0 || left === 0) return result + definition.slice(at);
    const elements = elementsFrom(definition, start + ARRAY.length);
    if (!elements) return result + definition.slice(at);
    const cast = castAfter(definition, start, elements.end);
    if (!cast) {
      result += definition.slice(at, start + ARRAY.length);
      at = start + ARRAY.length;
      continue;
    }
    result += definition.slice(at, cast.start) + distributed(elements.texts, cast);
    at = cast.end;
  }
}

const ARRAY = 'ARRAY[';

/** Looked at in one definition: each look may read all of it, and a definition may be made to take for ever. */
const MOST = 10_000;

interface Cast {
  /** Of the array with its cast, in the definition. */
  start: number;
  end: number;
  type: string;
  /** As it is shown by default; not so where a server leaves out what it can. */
  parentheses: boolean;
}

/** A type's name ends with `[]` here; it may be of a schema, quoted, and have a length. */
const TYPE = /::((?:"(?:[^"]|"")+"|[\w ]+)(?:\.(?:"(?:[^"]|"")+"|[\w ]+))?(?:\([\d, ]+\))?)\[\]/y;

function castAfter(definition: string, start: number, end: number): Cast | undefined {
  const parentheses = definition[start - 1] === '(' && definition[end] === ')';
  TYPE.lastIndex = parentheses ? end + 1 : end;
  const [, type] = TYPE.exec(definition) ?? [];
  return type === undefined
    ? undefined
    : { start: parentheses ? start - 1 : start, end: TYPE.lastIndex, type, parentheses };
}

function distributed(elements: readonly string[], cast: Pick<Cast, 'type' | 'parentheses'>): string {
  const { type, parentheses } = cast;
  const each = elements.map((element) => {
    const inner = element.startsWith(ARRAY) ? elementsFrom(element, ARRAY.length) : undefined;
    if (inner?.end === element.length) return distributed(inner.texts, cast);
    return parentheses ? `(${element})::${type}` : `${element}::${type}`;
  });
  return `${ARRAY}${each.join(', ')}]`;
}

/** @returns the elements from `start` on and where their bracket has closed; undefined where it never does */
function elementsFrom(text: string, start: number): { texts: string[]; end: number } | undefined {
  const texts: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === "'" || char === '"') {
      at = text.indexOf(char, at + 1);
      // A doubled quote begins the next part of the same one.
      if (at < 0) return undefined;
    } else if (char === '[' || char === '(') depth++;
    else if (depth > 0 && (char === ']' || char === ')')) depth--;
    else if (depth === 0 && (char === ',' || char === ']')) {
      texts.push(text.slice(from, at).trim());
      from = at + 1;
      if (char === ']') return { texts, end: at + 1 };
    }
  }
  return undefined;
}
