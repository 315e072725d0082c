export { pvcProtection } from './persistent-volume-claims.ts'
export { pvProtection } from './persistent-volumes.ts'
export { vacProtection } from './volume-attributes-classes.ts'
