import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';

/**
 * Lets a handler's error reach the settlement as it was thrown. Without it Nest passes on a plain object without class
 * or message, and every failure looks alike.
 */
@Catch()
export class OriginalErrors implements RpcExceptionFilter {
  catch(exception: unknown): Observable<never> {
    return throwError(() => exception);
  }
}
