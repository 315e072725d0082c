export { LazyStruct, withStruct } from './composed-types.ts'
export { deviceEnvironment, deviceSizes, SELECTOR_COST_MAX } from './device.ts'
export {
  kubernetesEnvironment,
  PER_CALL_LIMIT,
  RUNTIME_COST_BUDGET,
  STATIC_ESTIMATED_COST_LIMIT,
  STATIC_ESTIMATED_CRD_COST_LIMIT,
} from './environment.ts'
export { escapeName } from './escape.ts'
export { mutationMismatch, mutationTypes } from './mutation-types.ts'
export type { CelSchema } from './schema.ts'
export { type SchemaType, SchemaTypes, sizeHints } from './schema-types.ts'
export { maxElements } from './sizes.ts'
