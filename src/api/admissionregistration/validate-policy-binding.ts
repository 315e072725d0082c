import type {
  MatchResources,
  MutatingAdmissionPolicyBinding,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { pathSegmentName, subdomainName } from '../validation/names.ts'
import { validateMatchResources } from './validate-match.ts'
import { mutableOperations } from './validate-rule.ts'

interface Spec {
  readonly policyName?: string
  readonly paramRef?: ParamRef
  readonly matchResources?: MatchResources
}

function* validateSpec({ policyName, paramRef, matchResources }: Spec): Findings {
  if (!policyName) yield required('spec.policyName')
  else yield* complaints(subdomainName(policyName), policyName, 'spec.policyName')
  if (paramRef !== undefined) yield* validateParamRef(paramRef, 'spec.paramRef')
  yield* validateMatchResources(matchResources, 'spec.matchResources')
}

export function* validateMutatingBinding({ spec = {} }: MutatingAdmissionPolicyBinding): Findings {
  yield* validateSpec(spec)
  yield* mutableOperations(spec.matchResources?.resourceRules, 'spec.matchResources.resourceRules.operations')
}

export function* validateValidatingBinding({ spec }: ValidatingAdmissionPolicyBinding): Findings {
  yield* validateSpec(spec ?? {})
  yield* validateActions(spec?.validationActions ?? [], 'spec.validationActions')
}

function* validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef, field: string): Findings {
  const rule = 'name and selector are mutually exclusive'
  if (name) {
    yield* complaints(pathSegmentName(name), name, `${field}.name`)
    if (selector !== undefined) yield forbid(`${field}.name`, rule)
  }
  if (selector !== undefined) {
    yield* labelSelector(selector, `${field}.selector`)
    if (name) yield forbid(`${field}.selector`, rule)
  }
  if (!name && selector === undefined) yield required(field, 'one of name or selector must be specified')
  if (!action) yield required(`${field}.parameterNotFoundAction`)
  else if (action !== 'Deny' && action !== 'Allow')
    yield unsupported(`${field}.parameterNotFoundAction`, action, ['Deny', 'Allow'])
}

const ACTIONS = ['Audit', 'Deny', 'Warn']

function* validateActions(actions: readonly string[], field: string): Findings {
  for (const [index, action] of actions.entries()) {
    if (!ACTIONS.includes(action)) yield unsupported(`${field}[${index}]`, action, ACTIONS)
    if (actions.indexOf(action) !== index) yield duplicateValue(`${field}[${index}]`, action)
  }
  if (actions.includes('Deny') && actions.includes('Warn'))
    yield invalidValue(
      field,
      actions,
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    )
  if (actions.length === 0) yield required(field, 'at least one validation action is required')
}
