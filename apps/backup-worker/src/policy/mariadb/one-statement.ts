/** What a statement of a stored program may open, and END closes. */
type Open = 'BEGIN' | 'IF' | 'CASE' | 'LOOP' | 'REPEAT' | 'WHILE' | 'FOR' | 'case expression';

const TOKEN = /`(?:[^`]|``)*`|''|[A-Za-z_$][\w$]*|\d+|[^\s]/g;
const OPENING = /^(?:IF|CASE|LOOP|REPEAT|WHILE|FOR)$/;
const CONDITION = String.raw`(?:SQLEXCEPTION|SQLWARNING|NOT FOUND|OTHERS|SQLSTATE (?:VALUE )?''|\w+|\`[^\`]*\`)`;
const HANDLER = new RegExp(`^DECLARE (?:CONTINUE|EXIT|UNDO) HANDLER FOR ${CONDITION}(?: , ${CONDITION})*$`);

/**
 * Whether code is one statement of a stored program, and nothing follows it: a server goes on with what follows a semicolon as soon as the
 * program ends. Words count only where no name can stand: who would be misled says no.
 * @param code as of {@link DumpStatement}
 */
export function isOneStatement(code: string): boolean {
  const open: Open[] = [];
  let [begins, opened] = [true, false];
  let own: string[] = [];
  const tokens = (code.match(TOKEN) ?? []).map((each) => (/^\w/.test(each) ? each.toUpperCase() : each));
  for (let at = 0; at < tokens.length; at++) {
    const [before, token = '', next] = [tokens[at - 1], tokens[at], tokens[at + 1]];
    const isWord = before !== '.' && next !== '.';
    if (opened && open.length === 0) return isLabel(tokens.slice(at));
    if (token === ';') {
      while (open.at(-1) === 'case expression') open.pop();
      if (open.length === 0) return at === tokens.length - 1;
      [begins, own] = [true, []];
      continue;
    }
    if (!isWord) {
      begins = false;
    } else if (token === 'BEGIN' && (begins || HANDLER.test(own.join(' ')))) {
      open.push('BEGIN');
      [begins, opened, own] = [true, true, []];
      if (next === 'NOT' && tokens[at + 2] === 'ATOMIC') at += 2;
      continue;
    } else if (token === 'END' && open.at(-1) === 'case expression') {
      open.pop();
      begins = false;
    } else if (token === 'END' && (begins || own[0] === 'UNTIL')) {
      const isNamed = next !== undefined && OPENING.test(next);
      if (open.pop() !== (isNamed ? next : 'BEGIN')) return false;
      if (isNamed) at += 1;
      [begins, own] = [false, []];
      continue;
    } else if (begins && OPENING.test(token)) {
      open.push(token as Open);
      opened = true;
      begins = token === 'LOOP' || token === 'REPEAT';
    } else if (token === 'CASE') {
      open.push('case expression');
      begins = false;
    } else if (isFollowedByStatement(token, own[0], open.at(-1))) {
      [begins, own] = [true, []];
      continue;
    } else if (token === ':' && begins) {
      own = [];
      continue;
    } else {
      begins = begins && next === ':';
    }
    own.push(token);
  }
  return open.length === 0;
}

function isFollowedByStatement(token: string, first: string | undefined, open: Open | undefined): boolean {
  if (open === 'case expression') return false;
  if (token === 'THEN' || token === 'ELSE') return open === 'IF' || open === 'CASE';
  return token === 'DO' && (first === 'WHILE' || first === 'FOR');
}

/** The name of a block may stand behind its end. */
function isLabel(tokens: readonly string[]): boolean {
  return tokens.every((each, at) => (at === 0 && /^[\w`]/.test(each)) || (each === ';' && at === tokens.length - 1));
}
