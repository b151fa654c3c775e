import { asTargetError, type TargetClient } from '@hozen/dbms';

/** @throws HozenError of the TARGET_ codes */
export async function runStatement(client: TargetClient, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}
