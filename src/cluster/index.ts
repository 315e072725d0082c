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
  TokenFunction,
} from '#apiserver'
export { systemRandom } from '#base'
export { controllerNames, SIGNERS } from '#controllers'
export { defaultNodeName } from '#kubelet'
export {
  type ApiServerFlags,
  type ApiServerSettings,
  type FileAuthentication,
  publicKeysOf,
  type ServiceAccountSettings,
} from './api-server-settings.ts'
export { addressIn } from './cidr.ts'
export { type Cluster, type ForkClusterOptions, type StartClusterOptions, startCluster } from './cluster.ts'
export * from './components/index.ts'
export { createCertificateRequest } from './join/certificate-request.ts'
export { publishJoining } from './join/publish.ts'
export type { TokenView } from './join/token.ts'
export { addressesIn, addressOfHost } from './local/address.ts'
export { startAgent } from './local/agent.ts'
export { type CertificateView, certificatesOf, renewCertificates } from './local/certificates.ts'
export { type ClusterConfig, readConfig } from './local/config.ts'
export { down, reset } from './local/down.ts'
export { type JoinOptions, joinedNode } from './local/join.ts'
export { loadImages } from './local/load-images.ts'
export { memberRows, removeEtcdMember } from './local/members.ts'
export { defaultDataDirectory, type Paths, pathsOf } from './local/paths.ts'
export { preparedServer } from './local/prepare-server.ts'
export { runProcess } from './local/processes.ts'
export { restoreSnapshot } from './local/restore-snapshot.ts'
export { startServer } from './local/server.ts'
export { saveSnapshot, snapshotStatus } from './local/snapshot.ts'
export { dueAfter as snapshotDueAfter } from './local/snapshot-schedule.ts'
export { type ClusterStatus, clusterStatus } from './local/status.ts'
export { makeToken, removeToken, tokensOf } from './local/tokens.ts'
export { type UpOptions, type UpResult, up } from './local/up.ts'
export { buildImageArchive, type ImageInput, type LayerFile } from './node/image-archive.ts'
export { createAuthority, publicKeyHash, publicKeyOf, publicKeysIn } from './pki.ts'
export { createPki, identities, type Pki } from './pki-directory.ts'
export { startSchedulerOn } from './scheduling.ts'
export { startSimulatedNodes } from './simulated-nodes.ts'
export type { EtcdAccess, StoreChoice } from './store.ts'
