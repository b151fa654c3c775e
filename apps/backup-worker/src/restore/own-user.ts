import { connectMariadb, type AnsweringMariadb, type Flavour, type MariadbClient } from '@hozen/dbms';

/** Roles that exist, and users of theirs, can be granted by it. In MySQL that comes with all rights. */
const RIGHTS: Readonly<Record<Flavour, readonly string[]>> = {
  mariadb: [
    `INSERT INTO mysql.roles_mapping (Host, User, Role, Admin_option)
     SELECT 'localhost', ?, User, 'Y' FROM mysql.user WHERE is_role = 'Y'`,
    `INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user, With_grant, Grantor) VALUES ('localhost', ?, '%', '', 1, '')`,
  ],
  mysql: [`GRANT PROXY ON ''@'' TO ?@localhost WITH GRANT OPTION`],
};

/** Whoever makes a role administers it. That was somebody else on the original, and root may do all of it anyway. */
const HAND_OVER = `
  INSERT INTO mysql.roles_mapping (Host, User, Role, Admin_option)
    SELECT 'localhost', 'root', own.Role, 'Y' FROM mysql.roles_mapping AS own
     WHERE own.User = ? AND own.Host = 'localhost'
       AND EXISTS (SELECT * FROM mysql.global_priv AS root WHERE root.User = 'root' AND root.Host = 'localhost')
       AND NOT EXISTS (SELECT * FROM mysql.roles_mapping AS other
                        WHERE other.Role = own.Role AND other.Admin_option = 'Y' AND other.User <> own.User)
    ON DUPLICATE KEY UPDATE Admin_option = 'Y'`;

/**
 * A user of ours on a server of ours, who may do everything that stands in a log or a dump. Without one there is nobody who may grant a
 * role: a session that was let in without a password is nobody.
 */
export async function makeOwnUser(client: MariadbClient, user: string): Promise<AnsweringMariadb> {
  const name = `${client.name(user)}@localhost`;
  // Where the server asks nobody for rights, they are not even read before this.
  await client.query('FLUSH PRIVILEGES');
  await client.query(`CREATE USER ${name}`);
  await client.query(`GRANT ALL ON *.* TO ${name} WITH GRANT OPTION`);
  for (const statement of RIGHTS[client.flavour]) await client.query(statement, [user]);
  await client.query('FLUSH PRIVILEGES');
  return { ...client.address, user };
}

/** @param id a UUID; with all of it the name would be too long for MySQL, which takes 32 characters */
export function ownUserName(id: string): string {
  return `hozen_${id.replaceAll('-', '')}`.slice(0, 32);
}

/** Nothing of it stays. */
export async function dropOwnUser(address: AnsweringMariadb): Promise<void> {
  await using client = await connectMariadb(address);
  if (client.flavour === 'mariadb') await client.query(HAND_OVER, [address.user]);
  await client.query('FLUSH PRIVILEGES');
  await client.query(`DROP USER ${client.name(address.user)}@localhost`);
}
