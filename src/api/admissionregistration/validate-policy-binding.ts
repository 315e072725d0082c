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

function validateSpec({ policyName, paramRef, matchResources }: Spec, found: Findings): void {
  if (!policyName) found.push(required('spec.policyName'))
  else complaints(subdomainName(policyName), policyName, 'spec.policyName', found)
  if (paramRef !== undefined) validateParamRef(paramRef, 'spec.paramRef', found)
  validateMatchResources(matchResources, 'spec.matchResources', found)
}

export function validateMutatingBinding({ spec = {} }: MutatingAdmissionPolicyBinding, found: Findings): void {
  validateSpec(spec, found)
  mutableOperations(spec.matchResources?.resourceRules, 'spec.matchResources.resourceRules.operations', found)
}

export function validateValidatingBinding({ spec }: ValidatingAdmissionPolicyBinding, found: Findings): void {
  validateSpec(spec ?? {}, found)
  validateActions(spec?.validationActions ?? [], 'spec.validationActions', found)
}

function validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef, field: string, found: Findings): void {
  const rule = 'name and selector are mutually exclusive'
  if (name) {
    complaints(pathSegmentName(name), name, `${field}.name`, found)
    if (selector !== undefined) found.push(forbid(`${field}.name`, rule))
  }
  if (selector !== undefined) {
    labelSelector(selector, `${field}.selector`, found)
    if (name) found.push(forbid(`${field}.selector`, rule))
  }
  if (!name && selector === undefined) found.push(required(field, 'one of name or selector must be specified'))
  if (!action) found.push(required(`${field}.parameterNotFoundAction`))
  else if (action !== 'Deny' && action !== 'Allow')
    found.push(unsupported(`${field}.parameterNotFoundAction`, action, ['Deny', 'Allow']))
}

const ACTIONS = ['Audit', 'Deny', 'Warn']

function validateActions(actions: readonly string[], field: string, found: Findings): void {
  for (const [index, action] of actions.entries()) {
    if (!ACTIONS.includes(action)) found.push(unsupported(`${field}[${index}]`, action, ACTIONS))
    if (actions.indexOf(action) !== index) found.push(duplicateValue(`${field}[${index}]`, action))
  }
  if (actions.includes('Deny') && actions.includes('Warn'))
    found.push(
      invalidValue(
        field,
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    )
  if (actions.length === 0) found.push(required(field, 'at least one validation action is required'))
}
