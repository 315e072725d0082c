export type { AdmissionAnswer, AdmissionFunction, AdmissionHandler } from './functions.ts'
export { mutatingAdmissionWebhook } from './mutating.ts'
export type { AdmissionRequest } from './review.ts'
export { validatingAdmissionWebhook } from './validating.ts'
