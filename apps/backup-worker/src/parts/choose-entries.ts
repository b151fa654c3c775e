import type { TocEntry } from '../pipeline/custom-format.js';
import { isOfDatabaseItself } from '../restore/stored-definitions.js';

/** What of a database is wanted. */
export interface WantedEntries {
  /** Tables, partitions, sequences, views and their like. */
  relation: (entry: TocEntry) => boolean;
  /** Of those, the ones whose rows are there. */
  rows: (entry: TocEntry) => boolean;
  /** Everything else, by its schema; schemas themselves, too. `needed`: only what the wanted relations need. */
  others: 'needed' | ((schema: string | undefined) => boolean);
}

export interface ChosenEntries {
  kept: TocEntry[];
  /** Tables that have no rows: others need their definition, or only that is wanted. */
  withoutRows: { schema: string; name: string }[];
  /** What was wanted, or belongs to it, and needs something that is left out: it could not be restored. */
  dropped: TocEntry[];
}

const RELATIONS = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE']);
/** A relation that is kept whatever it needs: that comes along. A view does not bring tables along. */
const FIRM = new Set(['TABLE', 'FOREIGN TABLE', 'SEQUENCE']);
/** What is part of the thing that it needs, and comes and goes with it. */
const ATTACHED = new Set([
  'DEFAULT',
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'TABLE ATTACH',
  'TRIGGER',
  'RULE',
  'POLICY',
  'ROW SECURITY',
  'STATISTICS',
  'SEQUENCE OWNED BY',
  'COMMENT',
  'ACL',
  'SECURITY LABEL',
]);
const ALWAYS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH', 'EXTENSION']);

/** Whether it is part of something else that it needs. */
export function isAttached({ desc }: TocEntry): boolean {
  return ATTACHED.has(desc);
}

/** Whether it is a table, or whatever else has its name among those of tables. */
export function isRelation({ desc }: TocEntry): boolean {
  return RELATIONS.has(desc);
}

/**
 * The entries of a database's definitions that make a part of it, such that they can be restored by themselves: what the
 * wanted tables need comes along, and what needs something that does not come is dropped (a foreign key to a table that
 * is left out, a view on one).
 */
export function chooseEntries(entries: readonly TocEntry[], wanted: WantedEntries): ChosenEntries {
  const choice = new Choice(entries);
  for (const entry of entries) if (choice.isLoose(entry) || isWanted(entry, wanted)) choice.keep(entry);
  choice.pullFor((entry) => FIRM.has(entry.desc));
  choice.attach();
  // Without its defaults a table cannot be used.
  choice.pullFor(({ desc }) => desc === 'DEFAULT');
  // Functions of triggers, and what those need; but no tables for them.
  choice.pullOthers();
  choice.attach();
  const dropped = choice.dropUnrestorable();
  const kept = entries.filter(({ dumpId }) => choice.kept.has(dumpId));
  const withoutRows = kept
    .filter((entry) => entry.desc === 'TABLE' && !wanted.rows(entry))
    .map(({ namespace, tag }) => ({ schema: namespace ?? '', name: tag }));
  return { kept, withoutRows, dropped };
}

function isWanted(entry: TocEntry, { relation, others }: WantedEntries): boolean {
  if (ALWAYS.has(entry.desc) || isOfDatabaseItself(entry)) return true;
  if (isRelation(entry)) return relation(entry);
  if (others === 'needed') return false;
  if (ATTACHED.has(entry.desc)) return false;
  if (entry.desc === 'SCHEMA') return others(entry.tag);
  return others(entry.namespace === null || entry.namespace === '' ? undefined : entry.namespace);
}

/** They say nothing by themselves. */
const SILENT = /^(?:COMMENT|ACL|SECURITY LABEL|DEFAULT ACL|(?:TABLE|INDEX) ATTACH)$/;

/** For people: what could not be restored. */
export function unrestorable({ dropped }: ChosenEntries): string[] {
  return dropped
    .filter(({ desc }) => !SILENT.test(desc))
    .map(({ desc, namespace, tag }) => `${desc.toLowerCase()} ${namespace ? `${namespace}.` : ''}${tag}`);
}

class Choice {
  readonly kept = new Set<number>();
  readonly #byId: ReadonlyMap<number, TocEntry>;
  readonly #attached: ReadonlyMap<number, TocEntry[]>;

  constructor(private readonly entries: readonly TocEntry[]) {
    this.#byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
    const attached = new Map<number, TocEntry[]>();
    for (const entry of entries.filter(({ desc }) => ATTACHED.has(desc))) {
      for (const id of entry.needs) {
        const others = attached.get(id);
        if (others) others.push(entry);
        else attached.set(id, [entry]);
      }
    }
    this.#attached = attached;
  }

  /** It belongs to what every database has: the rights on the schema public. */
  isLoose(entry: TocEntry): boolean {
    return ATTACHED.has(entry.desc) && this.#needs(entry).length === 0 && entry.tag.startsWith('SCHEMA ');
  }

  keep({ dumpId }: TocEntry): void {
    this.kept.add(dumpId);
  }

  /** All that these need, whatever it is. */
  pullFor(who: (entry: TocEntry) => boolean): void {
    this.#pull(
      this.entries.filter((entry) => this.kept.has(entry.dumpId) && who(entry)),
      () => true,
    );
  }

  /** What everything that is kept needs, but no tables, and nothing that needs them. */
  pullOthers(): void {
    const may = (need: TocEntry) => !isRelation(need) && !ATTACHED.has(need.desc);
    this.#pull(
      this.entries.filter(({ dumpId }) => this.kept.has(dumpId)),
      may,
    );
  }

  /** What belongs to something that is kept. */
  attach(): void {
    const waiting = [...this.kept];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      for (const entry of this.#attached.get(id) ?? []) {
        if (this.kept.has(entry.dumpId)) continue;
        this.keep(entry);
        waiting.push(entry.dumpId);
      }
    }
  }

  /** Until everything that is kept has all that it needs. */
  dropUnrestorable(): TocEntry[] {
    const dropped: TocEntry[] = [];
    for (let again = true; again;) {
      again = false;
      for (const entry of this.entries) {
        if (!this.kept.has(entry.dumpId) || this.#needs(entry).every(({ dumpId }) => this.kept.has(dumpId))) continue;
        this.kept.delete(entry.dumpId);
        dropped.push(entry);
        again = true;
      }
    }
    return dropped;
  }

  /** Through what is kept already, too: that may need something that is not. */
  #pull(waiting: TocEntry[], may: (need: TocEntry) => boolean): void {
    const seen = new Set(waiting.map(({ dumpId }) => dumpId));
    for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
      for (const need of this.#needs(entry)) {
        if (seen.has(need.dumpId) || !may(need)) continue;
        seen.add(need.dumpId);
        this.keep(need);
        waiting.push(need);
      }
    }
  }

  #needs({ needs }: TocEntry): TocEntry[] {
    return needs.flatMap((id) => this.#byId.get(id) ?? []);
  }
}
