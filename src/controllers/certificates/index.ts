import type { ControllerDefinition } from '../framework/index.ts'
import { certificateApproving } from './approving.ts'
import { certificateCleaning } from './cleaning.ts'
import { nodeCertificateApproving } from './node-approving.ts'
import { certificateSigning } from './signing.ts'

export { loadX509, type X509 } from './request.ts'
export { type SigningPair, serialNumber } from './sign.ts'
export { API_SERVER_CLIENT, LEGACY_UNKNOWN, SIGNERS } from './signers.ts'

export const certificateControllers: readonly ControllerDefinition[] = [
  certificateApproving,
  certificateCleaning,
  certificateSigning,
  nodeCertificateApproving,
]
