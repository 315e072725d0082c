import { forbidden } from '#meta'
import type { AdmissionPlugin, Operation } from './types.ts'

const ALL: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/** Refuses nothing; there for configurations that name it. */
export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', off: true, operations: ALL }

/** Refuses everything; for tests. */
export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  off: true,
  operations: ALL,
  validate({ resource, name }) {
    throw forbidden(resource, name, 'admission control is denying all modifications')
  },
}
