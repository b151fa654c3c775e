import { asHozenError, HozenError, type ErrorCode, type ErrorView } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { Catch, HttpException, HttpStatus, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

const log = logger('http');

/** Answers every error as an `ErrorView`. */
@Catch()
export class ErrorViews implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<ServerResponse>();
    const { status, view } = answerTo(thrown);
    if (status >= 500) log.error({ err: thrown }, 'a request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendError(response, status, view);
  }
}

export function sendError(response: ServerResponse, status: number, view: ErrorView): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(view));
}

/** The HTTP status and body for anything thrown. */
export function answerTo(thrown: unknown): { status: number; view: ErrorView } {
  if (thrown instanceof HttpException) return answerToNest(thrown);
  // What body parsers throw: malformed JSON, too large.
  const { status } = thrown as { status?: unknown };
  if (!(thrown instanceof HozenError) && typeof status === 'number' && status >= 400 && status < 500) {
    return { status, view: viewOf(new HozenError('REQUEST_INVALID', {}, { detail: (thrown as Error).message })) };
  }
  const error = thrown instanceof HozenError ? thrown : new HozenError('INTERNAL', {}, { cause: thrown });
  return { status: statusOf(error), view: viewOf(error) };
}

function answerToNest(thrown: HttpException): { status: number; view: ErrorView } {
  const status = thrown.getStatus();
  const code: ErrorCode = status >= 500 ? 'INTERNAL' : 'REQUEST_INVALID';
  return { status, view: viewOf(new HozenError(code, {}, status >= 500 ? {} : { detail: thrown.message })) };
}

function viewOf(thrown: HozenError): ErrorView {
  const { code, message, hint, reasons } = asHozenError(thrown);
  return { error: { code, message, hint }, ...(reasons.length > 0 ? { reasons: [...reasons] } : {}) };
}

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  TOKEN_MISSING: HttpStatus.UNAUTHORIZED,
  ROLE_MISSING: HttpStatus.FORBIDDEN,
  NOT_FOUND: HttpStatus.NOT_FOUND,
  CONFIG_UNKNOWN: HttpStatus.NOT_FOUND,
  REQUEST_INVALID: HttpStatus.BAD_REQUEST,
  CONFIG_INVALID: HttpStatus.BAD_REQUEST,
  LEVEL_UNSUPPORTED: HttpStatus.BAD_REQUEST,
  MAINTENANCE_TYPE_UNSUPPORTED: HttpStatus.BAD_REQUEST,
  INTERNAL: HttpStatus.INTERNAL_SERVER_ERROR,
};

function statusOf(error: HozenError): number {
  const status = STATUS_OF_CODE[error.code];
  if (status !== undefined) return status;
  switch (error.class) {
    case 'connection':
      return HttpStatus.SERVICE_UNAVAILABLE;
    case 'operator':
    case 'not-ours':
    case 'give-up':
      return HttpStatus.CONFLICT;
    case 'io':
    case 'compression':
    case 'verification':
      return HttpStatus.INTERNAL_SERVER_ERROR;
  }
  return HttpStatus.INTERNAL_SERVER_ERROR;
}
