import type { LiteralChecks } from '../check/literals.ts'
import { kubernetesCosts } from '../cost/kubernetes.ts'
import { Environment } from '../environment.ts'
import { authorizerLibrary, authorizerSelectorsLibrary } from '../libraries/authorizer.ts'
import { cidrLibrary } from '../libraries/cidr.ts'
import { toDuration, toTimestamp } from '../libraries/conversions.ts'
import { extensionListsLibrary } from '../libraries/extension-lists.ts'
import { findLibrary } from '../libraries/find.ts'
import { formatLibrary } from '../libraries/format.ts'
import { ipLibrary } from '../libraries/ip.ts'
import type { Library } from '../libraries/library.ts'
import { listsLibrary } from '../libraries/lists.ts'
import { crossTypeLibrary, optionalsLibrary } from '../libraries/optionals.ts'
import { quantityLibrary } from '../libraries/quantity.ts'
import { regex } from '../libraries/regex.ts'
import { semverLibrary } from '../libraries/semver.ts'
import { setsLibrary } from '../libraries/sets.ts'
import { stringsLibrary } from '../libraries/strings.ts'
import { twoVariableLibrary } from '../libraries/two-variable.ts'
import { urlsLibrary } from '../libraries/urls.ts'

/** Upstream's bounds on the cost of expressions (k8s.io/apiserver/pkg/apis/cel). */
export const PER_CALL_LIMIT = 1_000_000
export const RUNTIME_COST_BUDGET = 10_000_000
export const STATIC_ESTIMATED_COST_LIMIT = 10_000_000
export const STATIC_ESTIMATED_CRD_COST_LIMIT = 100_000_000

/**
 * The libraries by the minor version of Kubernetes that brought them into the base environment (k8s.io/apiserver/pkg/cel/environment/base.go).
 * Upstream admits one in new expressions a version later, when no API server without it can meet them; expressions that are stored run with all.
 * Not among them, and so not here: math, base64 encoders, bindings, `reverse` of strings, backquoted fields.
 */
const LIBRARIES: readonly (readonly [since: number, library: Library])[] = [
  [0, urlsLibrary],
  [0, findLibrary],
  [0, listsLibrary],
  [0, { name: 'kubernetes.costs', costs: kubernetesCosts }],
  [27, authorizerLibrary],
  [28, crossTypeLibrary],
  [28, optionalsLibrary],
  [28, quantityLibrary],
  [29, stringsLibrary(2)],
  [29, setsLibrary],
  [30, ipLibrary],
  [30, cidrLibrary],
  [31, formatLibrary],
  [31, authorizerSelectorsLibrary],
  [32, twoVariableLibrary],
  [33, semverLibrary],
  [34, extensionListsLibrary],
]

const LITERALS_CHECKED_SINCE = 29
const LITERAL_CHECKS: LiteralChecks = {
  duration: toDuration,
  timestamp: toTimestamp,
  matches: (pattern) => typeof pattern === 'string' && regex(pattern),
}

/** The minor version that this project serves. */
const CURRENT_MINOR = 36

const environments = new Map<number, Environment>()

/** The base environment for expressions of one compatibility version, 1.`minor`; made once. Extend it with variables and types. */
export function kubernetesEnvironment(minor = CURRENT_MINOR): Environment {
  let environment = environments.get(minor)
  if (environment === undefined) {
    environment = new Environment({
      libraries: LIBRARIES.filter(([since]) => since <= minor).map(([, library]) => library),
      homogeneousAggregates: true,
      optimized: true,
      ...(minor >= LITERALS_CHECKED_SINCE ? { literalChecks: LITERAL_CHECKS } : {}),
      costLimit: PER_CALL_LIMIT,
    })
    environments.set(minor, environment)
  }
  return environment
}
