import { deepEqual } from '#base'
import { age, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  QueuingConfiguration,
} from '../generated/types.ts'
import { type Findings, forbid, invalidValue, required, unsupported, within } from '../validation/findings.ts'
import { validateConditions } from './flow-schema.ts'
import { mandatoryPriorityLevels } from './mandatory.ts'

export const priorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  scope: 'Cluster',
  names: { plural: 'prioritylevelconfigurations' },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const { exempt, limited } = draft.spec ?? {}
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0
      exempt.lendablePercent ??= 0
    }
    if (limited) {
      limited.nominalConcurrencyShares ??= 30
      limited.lendablePercent ??= 0
      if (limited.limitResponse?.queuing) {
        limited.limitResponse.queuing.queues ||= 64
        limited.limitResponse.queuing.handSize ||= 8
        limited.limitResponse.queuing.queueLengthLimit ||= 50
      }
    }
    draft.status ??= {}
  },
  columns: [
    name,
    text('Type', ({ spec }) => spec?.type, 'flowcontrol.v1.PriorityLevelConfigurationSpec#type'),
    text(
      'NominalConcurrencyShares',
      ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? NONE,
      'flowcontrol.v1.LimitedPriorityLevelConfiguration#nominalConcurrencyShares',
    ),
    text(
      'Queues',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queues ?? NONE,
      'flowcontrol.v1.QueuingConfiguration#queues',
    ),
    text(
      'HandSize',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.handSize ?? NONE,
      'flowcontrol.v1.QueuingConfiguration#handSize',
    ),
    text(
      'QueueLengthLimit',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? NONE,
      'flowcontrol.v1.QueuingConfiguration#queueLengthLimit',
    ),
    age,
  ],
  validate({ metadata, spec, status }, found) {
    const { name: own = '' } = metadata ?? {}
    if ((own === 'exempt') !== (spec?.type === 'Exempt')) {
      found.push(invalidValue('spec.type', spec?.type, "type must be 'Exempt' if and only if name is 'exempt'"))
    }
    validateType(spec, found)
    validateFixed(own, spec, found)
    validateConditions(status?.conditions, found)
  },
  validateStatusUpdate({ status }, _old, found) {
    validateConditions(status?.conditions, found)
  },
  schema: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
})

type Spec = PriorityLevelConfiguration['spec']

function validateType(spec: Spec, found: Findings): void {
  switch (spec?.type) {
    case 'Exempt':
      if (spec.limited) found.push(forbid('spec.limited', 'must be nil if the type is not Limited'))
      if (spec.exempt) {
        validateShares(spec.exempt.nominalConcurrencyShares, 'spec.exempt', found)
        within(spec.exempt.lendablePercent, 0, 100, 'spec.exempt.lendablePercent', found)
      }
      return
    case 'Limited':
      if (spec.exempt) found.push(forbid('spec.exempt', 'must be nil if the type is Limited'))
      if (spec.limited === undefined) found.push(required('spec.limited', 'must not be empty when type is Limited'))
      else validateLimited(spec.limited, 'spec.limited', found)
      return
    default:
      found.push(unsupported('spec.type', spec?.type ?? '', ['Exempt', 'Limited']))
  }
}

/** Of the exempt level an administrator may change what it takes from the others. */
function validateFixed(own: string, spec: Spec, found: Findings): void {
  const fixed = mandatoryPriorityLevels.find(({ metadata }) => metadata?.name === own)
  if (fixed === undefined) return
  if (own !== 'exempt') {
    if (!deepEqual(spec, fixed.spec)) found.push(invalidValue('spec', spec, `spec of '${own}' must equal the fixed value`))
  } else if (!deepEqual({ ...spec, exempt: undefined }, { ...fixed.spec, exempt: undefined })) {
    found.push(invalidValue('spec', spec, `spec of '${own}' except the 'spec.exempt' field must equal the fixed value`))
  }
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: string, found: Findings): void {
  const { nominalConcurrencyShares: shares, lendablePercent, borrowingLimitPercent: borrowing } = limited
  validateShares(shares, path, found)
  validateResponse(limited.limitResponse, `${path}.limitResponse`, found)
  within(lendablePercent, 0, 100, `${path}.lendablePercent`, found)
  if (borrowing !== undefined && borrowing < 0)
    found.push(invalidValue(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'))
}

function validateShares(shares: number | undefined, path: string, found: Findings): void {
  if (shares !== undefined && shares < 0)
    found.push(invalidValue(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'))
}

function validateResponse(response: LimitResponse | undefined, path: string, found: Findings): void {
  switch (response?.type) {
    case 'Reject':
      if (response.queuing) {
        found.push(forbid(`${path}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'))
      }
      return
    case 'Queue':
      if (response.queuing === undefined) {
        found.push(required(`${path}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'))
      } else validateQueuing(response.queuing, `${path}.queuing`, found)
      return
    default:
      found.push(unsupported(`${path}.type`, response?.type ?? '', ['Queue', 'Reject']))
  }
}

const QUEUES_MAX = 10_000_000
/** Of the hash that deals hands of queues. */
const HASH_BITS_MAX = 60

function validateQueuing(
  { queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration,
  path: string,
  found: Findings,
): void {
  if (queueLengthLimit <= 0) found.push(invalidValue(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'))
  if (queues <= 0) found.push(invalidValue(`${path}.queues`, queues, 'must be positive'))
  else if (queues > QUEUES_MAX) found.push(invalidValue(`${path}.queues`, queues, `must not be greater than ${QUEUES_MAX}`))
  if (handSize <= 0) found.push(invalidValue(`${path}.handSize`, handSize, 'must be positive'))
  else if (handSize > queues) {
    found.push(invalidValue(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`))
  } else if (entropyBits(queues, handSize) > HASH_BITS_MAX) {
    const why = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS_MAX}`
    found.push(invalidValue(`${path}.handSize`, handSize, why))
  }
}

/** Of a choice of `handSize` cards, in order, from a deck. */
function entropyBits(deckSize: number, handSize: number): number {
  let bits = 0
  for (let taken = 0; taken < handSize && bits <= HASH_BITS_MAX; taken++) bits += Math.log2(deckSize - taken)
  return Math.ceil(bits)
}
