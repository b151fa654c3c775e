import { HozenError, refusalText } from '@hozen/contracts';
import { metricsHandler } from '@hozen/telemetry';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { access, type AccessSettings } from './access.js';
import { answerTo, ErrorViews, sendError } from './error-views.js';

const LARGEST_BODY = '1mb';

/** No text in a database can have it, so nothing is called so. */
function refuseNul({ url = '' }: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (!url.includes('%00')) return next();
  const { status, view } = answerTo(new HozenError('REQUEST_INVALID', {}, { detail: refusalText('no-nul') }));
  sendError(response, status, view);
}

/** What every service's HTTP side has: who may ask, JSON bodies of a sane size, error views, `/metrics`, `/openapi.json`. */
export function prepareHttp(app: NestExpressApplication, title: string, accessTo: AccessSettings): void {
  app.disable('x-powered-by');
  app.use(refuseNul);
  app.use(access(accessTo));
  app.useBodyParser('json', { limit: LARGEST_BODY });
  app.useGlobalFilters(new ErrorViews());
  app.use('/metrics', (request: IncomingMessage, response: ServerResponse) => metricsHandler(request, response));
  const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle(title).build());
  const body = JSON.stringify(document);
  app.use('/openapi.json', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(body);
  });
}
