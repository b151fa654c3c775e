export { answerTo, ErrorViews } from './http/error-views.js';
export { runFilePath, type RunFile } from './run-file.js';
export type { RunningService, ServiceDefinition } from './service-definition.js';
export { SettingsReader } from './settings/settings-reader.js';
export { startService } from './start-service.js';
