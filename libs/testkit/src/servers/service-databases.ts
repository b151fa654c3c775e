import { provision, SERVICE_NAMES, type ServiceName } from '@hozen/persistence';
import type { TestPostgres } from './test-postgres.js';

/** The services' schemas and roles in a database of their own. */
export class ServiceDatabases {
  private constructor(
    /** The URL that each service gets, the password in it. */
    readonly urls: Readonly<Record<ServiceName, string>>,
    readonly database: string,
  ) {}

  /** Several in one server share the roles, so the roles have the server's password in each. */
  static async provision(postgres: TestPostgres): Promise<ServiceDatabases> {
    const database = await postgres.createDatabase();
    const passwordOf = () => postgres.password;
    const urls = await provision({ adminUrl: postgres.url(), database, passwordOf });
    const withPassword = SERVICE_NAMES.map((service) => {
      const url = new URL(urls[service]);
      url.password = postgres.password;
      return [service, url.href];
    });
    return new ServiceDatabases(Object.fromEntries(withPassword) as Record<ServiceName, string>, database);
  }
}
