/** What the npm package exports: a cluster in the caller's process. What only the command line runs is not loaded with it. */
export type {
  AdmissionAnswer,
  AdmissionFunction,
  AdmissionHandler,
  AdmissionRequest,
  AuditEvent,
  AuditPolicy,
  AuditSettings,
  Authenticated,
  AuthenticationSettings,
  AuthorizationHandler,
  AuthorizerFunction,
  JwtConfiguration,
  ReviewStatus,
  RuntimeConfig,
  ShutdownOptions,
  TokenFunction,
} from '#apiserver'
export { type Clock, type FeatureSettings, VirtualClock } from '#base'
export { type Cluster, type ForkClusterOptions, type StartClusterOptions, startCluster } from './cluster.ts'
