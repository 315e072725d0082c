export { runRules } from './run-rules.ts'
export { validateRules } from './validate-rules.ts'
