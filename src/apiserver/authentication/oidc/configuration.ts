import { conform, parseYaml, type Schema, StructureError } from '#meta'
import type { AnonymousOptions } from '../anonymous.ts'

/** https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-AuthenticationConfiguration */
export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtConfiguration[]
  readonly anonymous?: AnonymousOptions | undefined
}

export interface JwtConfiguration {
  readonly issuer: IssuerConfiguration
  readonly claimValidationRules?: readonly ClaimValidationRule[]
  readonly claimMappings: ClaimMappings
  readonly userValidationRules?: readonly { readonly expression?: string; readonly message?: string }[]
}

export interface IssuerConfiguration {
  readonly url?: string
  /** Of the discovery document, where it is not below the issuer. */
  readonly discoveryURL?: string
  /** PEM; the authorities of the machine when absent. */
  readonly certificateAuthority?: string
  readonly audiences?: readonly string[]
  readonly audienceMatchPolicy?: string
  readonly egressSelectorType?: string
}

export interface ClaimValidationRule {
  readonly claim?: string
  readonly requiredValue?: string
  readonly expression?: string
  readonly message?: string
}

export interface ClaimOrExpression {
  readonly claim?: string
  /** In front of what the claim says; to be given, empty if need be. */
  readonly prefix?: string
  readonly expression?: string
}

export interface ClaimMappings {
  readonly username?: ClaimOrExpression
  readonly groups?: ClaimOrExpression
  readonly uid?: Omit<ClaimOrExpression, 'prefix'>
  readonly extra?: readonly { readonly key?: string; readonly valueExpression?: string }[]
}

const text: Schema = { type: 'string' }
const texts: Schema = { type: 'array', items: text }
const struct = (properties: Readonly<Record<string, Schema>>, name: string): Schema => ({
  type: 'object',
  properties,
  name: `.${name}`,
})
const several = (items: Schema): Schema => ({ type: 'array', items })
const mapping = struct({ claim: text, prefix: text, expression: text }, 'PrefixedClaimOrExpression')

const SCHEMA = struct(
  {
    apiVersion: text,
    kind: text,
    jwt: several(
      struct(
        {
          issuer: struct(
            {
              url: text,
              discoveryURL: text,
              certificateAuthority: text,
              audiences: texts,
              audienceMatchPolicy: text,
              egressSelectorType: text,
            },
            'Issuer',
          ),
          claimValidationRules: several(
            struct({ claim: text, requiredValue: text, expression: text, message: text }, 'ClaimValidationRule'),
          ),
          claimMappings: struct(
            {
              username: mapping,
              groups: mapping,
              uid: struct({ claim: text, expression: text }, 'ClaimOrExpression'),
              extra: several(struct({ key: text, valueExpression: text }, 'ExtraMapping')),
            },
            'ClaimMappings',
          ),
          userValidationRules: several(struct({ expression: text, message: text }, 'UserValidationRule')),
        },
        'JWTAuthenticator',
      ),
    ),
    anonymous: struct(
      { enabled: { type: 'boolean' }, conditions: several(struct({ path: text }, 'AnonymousAuthCondition')) },
      'AnonymousAuthConfig',
    ),
  },
  'AuthenticationConfiguration',
)

const GROUP = 'apiserver.config.k8s.io'
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1']

/** Reads the file of `--authentication-config`. Throws a sentence when it is none; what it says is not judged here. */
export async function readAuthenticationConfiguration(file: string): Promise<AuthenticationConfiguration> {
  if (file.trim() === '') throw new Error('empty config data')
  const document = (await parseYaml(file)) as { readonly apiVersion?: unknown; readonly kind?: unknown } | null
  const { apiVersion, kind } = document ?? {}
  if (typeof kind !== 'string' || kind === '') throw new Error("Object 'Kind' is missing in the authentication configuration")
  const isKnown = kind === 'AuthenticationConfiguration' && VERSIONS.some((version) => apiVersion === `${GROUP}/${version}`)
  if (!isKnown)
    throw new Error(
      `expected AuthenticationConfiguration in ${GROUP}/v1, but got kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion ?? '')}`,
    )
  try {
    const { value, unknown } = conform(document, SCHEMA)
    if (unknown.length > 0)
      throw new Error(`strict decoding error: ${unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ')}`)
    const { jwt = [], anonymous } = value as Partial<AuthenticationConfiguration>
    return { jwt: jwt.map(withParts), ...(anonymous && { anonymous: { ...anonymous, enabled: anonymous.enabled ?? false } }) }
  } catch (error) {
    if (error instanceof StructureError) throw new Error(`strict decoding error: ${error.message}`, { cause: error })
    throw error
  }
}

const withParts = (jwt: Partial<JwtConfiguration>): JwtConfiguration => ({
  ...jwt,
  issuer: jwt.issuer ?? {},
  claimMappings: jwt.claimMappings ?? {},
})
