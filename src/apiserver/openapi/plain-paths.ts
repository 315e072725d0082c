import { groupTag, groupWord } from './operation-names.ts'

/** A path that is no resource: documents about the API. All are read by GET. */
export interface PlainPath {
  readonly path: string
  /** The document of OpenAPI v3 that tells of it, as its index names it. */
  readonly document: string
  readonly id: string
  readonly tag: string
  readonly description: string
  /** Definition of the answer; absent: plain text. */
  readonly response?: string
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'

const FIXED: readonly PlainPath[] = [
  {
    path: '/.well-known/openid-configuration/',
    document: '.well-known/openid-configuration',
    id: 'getServiceAccountIssuerOpenIDConfiguration',
    tag: 'WellKnown',
    description: 'get service account issuer OpenID configuration, also known as the "OIDC discovery doc"',
  },
  {
    path: '/api/',
    document: 'api',
    id: 'getCoreAPIVersions',
    tag: 'core',
    description: 'get available API versions',
    response: `${META}APIVersions`,
  },
  {
    path: '/apis/',
    document: 'apis',
    id: 'getAPIVersions',
    tag: 'apis',
    description: 'get available API versions',
    response: `${META}APIGroupList`,
  },
  {
    path: '/openid/v1/jwks/',
    document: 'openid/v1/jwks',
    id: 'getServiceAccountIssuerOpenIDKeyset',
    tag: 'openid',
    description: 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
  },
  {
    path: '/version/',
    document: 'version',
    id: 'getCodeVersion',
    tag: 'version',
    description: 'get the version information for this server',
    response: 'io.k8s.apimachinery.pkg.version.Info',
  },
]

/** Every plain path of an API with these versions of groups. */
export function plainPaths(groups: readonly { readonly group: string; readonly versions: readonly string[] }[]): PlainPath[] {
  return [...FIXED, ...groups.flatMap(({ group, versions }) => pathsOf(group, versions))]
}

function pathsOf(group: string, versions: readonly string[]): PlainPath[] {
  const root = group === '' ? 'api' : `apis/${group}`
  const word = groupWord({ group, version: '' })
  const tag = groupTag(group)
  const resources = versions.map(
    (version): PlainPath => ({
      path: `/${root}/${version}/`,
      document: `${root}/${version}`,
      id: `get${groupWord({ group, version })}APIResources`,
      tag: `${tag}_${version}`,
      description: 'get available resources',
      response: `${META}APIResourceList`,
    }),
  )
  if (group === '') return resources
  const own = { path: `/${root}/`, document: root, id: `get${word}APIGroup`, tag, description: 'get information of a group' }
  return [{ ...own, response: `${META}APIGroup` }, ...resources]
}
