export type { AdmissionAnswer, AdmissionFunction, AdmissionHandler, AdmissionRequest } from './admission/index.ts'
export { enabledResources, parseRuntimeConfig, type RuntimeConfig } from './api-enablement.ts'
export type { AuditEvent, AuditPolicy, AuditSettings } from './audit/index.ts'
export type {
  Authenticated,
  AuthenticationSettings,
  ConfigurationSource,
  JwtConfiguration,
  RequestHeaderOptions,
  ServiceAccountTokenOptions,
  TokenFunction,
  WebhookTokenOptions,
} from './authentication/index.ts'
export { ServiceAccountKeys } from './authentication/index.ts'
export {
  type AuthorizationHandler,
  type AuthorizationOptions,
  type AuthorizationSource,
  type AuthorizerFunction,
  authorizationFile,
  parseAuthorizationConfiguration,
  type ReviewStatus,
} from './authorization/index.ts'
export type { EncryptionOptions } from './encryption/index.ts'
export type { Listener, ListenOptions } from './http/listener.ts'
export { REQUEST_TIMEOUT_MS } from './request-deadline.ts'
export { type AdmissionOptions, type ApiServer, type ApiServerOptions, createApiServer, openEncryption } from './server.ts'
export type { ShutdownOptions } from './shutdown/options.ts'
export { gitVersion } from './version.ts'
