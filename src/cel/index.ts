export { type CheckedAst, typeOfRoot } from './check/checked.ts'
export { estimateCost, type SizeHints } from './cost/estimate.ts'
export type { Range } from './cost/range.ts'
export { Environment, type EnvironmentOptions, type Program, type Variable, type Variables } from './environment.ts'
export { InstantiationError } from './evaluate/constants.ts'
export { type EvaluateOptions, type Evaluation, EvaluationCancelled, EvaluationError } from './evaluate/program.ts'
export * from './kubernetes/index.ts'
export {
  type Authorize,
  Authorizer,
  authorizerType,
  type CheckAttributes,
  type CheckDecision,
  resourceCheckType,
} from './libraries/authorizer.ts'
export { jsonPatchLibrary } from './libraries/json-patch.ts'
export type { Library } from './libraries/library.ts'
export { CompileError, type Issue } from './syntax/source.ts'
export { declare, type FieldType, type FunctionDeclaration, type TypeProvider } from './types/declarations.ts'
export * as types from './types/type.ts'
export { formatType, type Type } from './types/type.ts'
export * from './values/index.ts'
export { Suspension } from './values/suspension.ts'
