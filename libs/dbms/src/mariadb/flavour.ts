/** What speaks MariaDB's protocol: they share methods, and differ in programs, accounts and some statements. */
export const FLAVOURS = ['mariadb', 'mysql'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** As people call them. */
export const FLAVOUR_NAMES = { mariadb: 'MariaDB', mysql: 'MySQL' } as const satisfies Record<Flavour, string>;

/** Which server it is. */
export interface ServerKind {
  flavour: Flavour;
  /** `10.11.19` */
  version: string;
}

/** @param answer of `version()`; old MariaDB servers say 5.5.5 in front, because old replicas need it */
export function serverKindOf(answer: string): ServerKind {
  const version = /^(?:5\.5\.5-)?(\d+\.\d+\.\d+)/.exec(answer)?.[1] ?? answer;
  return { flavour: answer.includes('MariaDB') ? 'mariadb' : 'mysql', version };
}

/** `MySQL 9.7.4` */
export function kindText({ flavour, version }: ServerKind): string {
  return `${FLAVOUR_NAMES[flavour]} ${version}`;
}
