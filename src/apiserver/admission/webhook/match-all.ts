import type { HookRules } from './hook.ts'

/** Upstream's defaults of a webhook; without rules, every write of everything. */
export const defaultMatchAll = (rules: HookRules): HookRules => ({
  failurePolicy: 'Fail',
  matchPolicy: 'Equivalent',
  reinvocationPolicy: 'Never',
  rules: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: '*' }],
  ...rules,
})
