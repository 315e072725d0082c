import { duplicateValue, invalidValue, required, subdomainName, tooMany } from '#api'
import type { Program } from '#cel'
import { certificatesIn } from '#client'
import type { FieldError } from '#meta'
import type {
  AuthenticationConfiguration,
  ClaimMappings,
  ClaimOrExpression,
  ClaimValidationRule,
  IssuerConfiguration,
  JwtConfiguration,
} from './configuration.ts'
import { type ClaimLanguage, isBool, readsClaim } from './expressions.ts'

const AUTHENTICATORS_MAX = 64

/** The expressions of one authenticator, ready to run. */
export interface CompiledJwt {
  readonly username?: Program | undefined
  readonly groups?: Program | undefined
  readonly uid?: Program | undefined
  readonly extra: readonly { readonly key: string; readonly program: Program }[]
  readonly claimRules: readonly CompiledRule[]
  readonly userRules: readonly CompiledRule[]
}

export interface CompiledRule {
  readonly expression: string
  readonly message: string
  readonly program: Program
}

export type CompiledConfiguration = readonly { readonly configuration: JwtConfiguration; readonly compiled: CompiledJwt }[]

/**
 * What is wrong with a configuration, at upstream's field paths; and its expressions, compiled. Issuers that this server itself is are not allowed:
 * their tokens are service accounts'.
 */
export function checkConfiguration(
  { jwt, anonymous }: AuthenticationConfiguration,
  disallowedIssuers: readonly string[],
  language: ClaimLanguage,
): { readonly errors: readonly FieldError[]; readonly compiled: CompiledConfiguration } {
  if (jwt.length > AUTHENTICATORS_MAX) return { errors: [tooMany('jwt', jwt.length, AUTHENTICATORS_MAX)], compiled: [] }
  const errors: FieldError[] = []
  const [issuers, documents] = [new Set<string>(), new Set<string>()]
  const compiled = jwt.map((configuration, index) => {
    const field = `jwt[${index}]`
    const { url = '', discoveryURL = '' } = configuration.issuer
    errors.push(...issuerErrors(configuration.issuer, disallowedIssuers, `${field}.issuer`))
    const own = new Compilation(configuration, field, language)
    errors.push(...own.errors)
    if (issuers.has(url)) errors.push(duplicateValue(`${field}.issuer.url`, url))
    if (discoveryURL !== '' && documents.has(discoveryURL))
      errors.push(duplicateValue(`${field}.issuer.discoveryURL`, discoveryURL))
    issuers.add(url)
    documents.add(discoveryURL)
    return { configuration, compiled: own.compiled }
  })
  if (anonymous !== undefined && !anonymous.enabled && (anonymous.conditions ?? []).length > 0)
    errors.push(
      invalidValue('anonymous.conditions', anonymous.conditions, 'enabled should be set to true when conditions are defined'),
    )
  return { errors, compiled }
}

function* issuerErrors(issuer: IssuerConfiguration, disallowed: readonly string[], field: string): Iterable<FieldError> {
  const { url = '', discoveryURL = '', audiences = [], audienceMatchPolicy = '', certificateAuthority = '' } = issuer
  if (url === '') yield required(`${field}.url`)
  else yield* urlErrors(url, disallowed, `${field}.url`)
  if (discoveryURL !== '') {
    const bare = (text: string): string => text.replace(/\/+$/, '')
    if (url !== '' && bare(url) === bare(discoveryURL))
      yield invalidValue(`${field}.discoveryURL`, discoveryURL, 'discoveryURL must be different from URL')
    yield* urlErrors(discoveryURL, [], `${field}.discoveryURL`)
  }
  if (audiences.length === 0) yield required(`${field}.audiences`, `at least one ${field}.audiences is required`)
  for (const [index, audience] of audiences.entries()) {
    if (audience === '') yield required(`${field}.audiences[${index}]`)
    if (audiences.indexOf(audience) < index) yield duplicateValue(`${field}.audiences[${index}]`, audience)
  }
  const policy = `${field}.audienceMatchPolicy`
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny')
    yield invalidValue(policy, audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences')
  if (audiences.length === 1 && !['', 'MatchAny'].includes(audienceMatchPolicy))
    yield invalidValue(policy, audienceMatchPolicy, 'audienceMatchPolicy must be empty or MatchAny for single audience')
  if (certificateAuthority !== '') {
    try {
      certificatesIn(certificateAuthority)
    } catch (error) {
      yield invalidValue(`${field}.certificateAuthority`, '<omitted>', (error as Error).message)
    }
  }
  if (!['', 'controlplane', 'cluster'].includes(issuer.egressSelectorType ?? ''))
    yield invalidValue(
      `${field}.egressSelectorType`,
      issuer.egressSelectorType,
      'egress selector must be either controlplane or cluster',
    )
}

function* urlErrors(text: string, disallowed: readonly string[], field: string): Iterable<FieldError> {
  if (disallowed.includes(text))
    yield invalidValue(field, text, `URL must not overlap with disallowed issuers: [${[...disallowed].sort().join(' ')}]`)
  if (!URL.canParse(text)) {
    // Go reads what has no scheme as a path.
    yield invalidValue(field, text, 'URL scheme must be https')
    return
  }
  const url = new URL(text)
  if (url.protocol !== 'https:') yield invalidValue(field, text, 'URL scheme must be https')
  if (url.username !== '' || url.password !== '') yield invalidValue(field, text, 'URL must not contain a username or password')
  if (url.search !== '') yield invalidValue(field, text, 'URL must not contain a query')
  if (url.hash !== '') yield invalidValue(field, text, 'URL must not contain a fragment')
}

/** Compiles one authenticator's expressions and collects what is wrong with its rules and mappings, in upstream's order. */
class Compilation {
  readonly errors: FieldError[] = []
  readonly compiled: CompiledJwt
  readonly #language: ClaimLanguage

  constructor(
    { claimValidationRules = [], claimMappings, userValidationRules = [] }: JwtConfiguration,
    field: string,
    language: ClaimLanguage,
  ) {
    this.#language = language
    const claimRules = this.#claimRules(claimValidationRules, `${field}.claimValidationRules`)
    const mappings = this.#mappings(claimMappings, `${field}.claimMappings`, claimRules)
    this.compiled = { ...mappings, claimRules, userRules: this.#userRules(userValidationRules, `${field}.userValidationRules`) }
  }

  #claimRules(rules: readonly ClaimValidationRule[], path: string): CompiledRule[] {
    const compiled: CompiledRule[] = []
    const [claims, expressions] = [new Set<string>(), new Set<string>()]
    for (const [index, { claim = '', requiredValue = '', expression = '', message = '' }] of rules.entries()) {
      const field = `${path}[${index}]`
      if (claim !== '' && expression !== '')
        this.errors.push(invalidValue(field, claim, "claim and expression can't both be set"))
      else if (claim !== '') {
        if (message !== '') this.errors.push(invalidValue(`${field}.message`, message, 'may not be specified when claim is set'))
        if (claims.has(claim)) this.errors.push(duplicateValue(`${field}.claim`, claim))
        claims.add(claim)
      } else if (expression === '') this.errors.push(required(field, 'claim or expression is required'))
      else {
        if (requiredValue !== '')
          this.errors.push(invalidValue(`${field}.requiredValue`, requiredValue, 'may not be specified when expression is set'))
        if (expressions.has(expression)) this.errors.push(duplicateValue(`${field}.expression`, expression))
        else compiled.push(...this.#rule({ expression, message }, `${field}.expression`, this.#language.compileClaims))
        expressions.add(expression)
      }
    }
    return compiled
  }

  #userRules(rules: NonNullable<JwtConfiguration['userValidationRules']>, path: string): CompiledRule[] {
    const compiled: CompiledRule[] = []
    const seen = new Set<string>()
    for (const [index, { expression = '', message = '' }] of rules.entries()) {
      const field = `${path}[${index}].expression`
      if (expression === '') this.errors.push(required(field))
      else if (seen.has(expression)) this.errors.push(duplicateValue(field, expression))
      else compiled.push(...this.#rule({ expression, message }, field, this.#language.compileUser))
      seen.add(expression)
    }
    return compiled
  }

  #rule(rule: { expression: string; message: string }, field: string, compile: (expression: string) => Program): CompiledRule[] {
    const program = this.#compile(rule.expression, field, compile)
    if (program === undefined) return []
    if (isBool(program.type)) return [{ ...rule, program }]
    this.errors.push(invalidValue(field, rule.expression, 'must evaluate to bool'))
    return []
  }

  #mappings(
    { username = {}, groups = {}, uid = {}, extra = [] }: ClaimMappings,
    path: string,
    claimRules: readonly CompiledRule[],
  ): Pick<CompiledJwt, 'username' | 'groups' | 'uid' | 'extra'> {
    const compiled = {
      username: this.#mapping(username, `${path}.username`, true),
      groups: this.#mapping(groups, `${path}.groups`, false),
      uid: this.#uid(uid, `${path}.uid`),
      extra: this.#extra(extra, `${path}.extra`),
    }
    const verifying = [
      compiled.username,
      ...compiled.extra.map(({ program }) => program),
      ...claimRules.map(({ program }) => program),
    ]
    const isVerified = verifying.some((program) => program !== undefined && readsClaim(program, 'email_verified'))
    // Whoever may write any address into his profile is not to become somebody else by it.
    if (compiled.username !== undefined && readsClaim(compiled.username, 'email') && !isVerified)
      this.errors.push(
        invalidValue(
          `${path}.username.expression`,
          username.expression,
          'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
        ),
      )
    return compiled
  }

  #mapping({ claim = '', prefix, expression = '' }: ClaimOrExpression, field: string, isRequired: boolean): Program | undefined {
    if (claim !== '' && expression !== '') this.errors.push(invalidValue(field, '', "claim and expression can't both be set"))
    else if (expression !== '') {
      if (prefix !== undefined)
        this.errors.push(invalidValue(`${field}.prefix`, prefix, 'may not be specified when expression is set'))
      return this.#compile(expression, `${field}.expression`, this.#language.compileClaims)
    } else if (claim === '' && isRequired) this.errors.push(required(field, 'claim or expression is required'))
    else if (claim !== '' && prefix === undefined)
      this.errors.push(
        required(
          `${field}.prefix`,
          'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
        ),
      )
    return undefined
  }

  #uid({ claim = '', expression = '' }: ClaimOrExpression, field: string): Program | undefined {
    if (claim !== '' && expression !== '') {
      this.errors.push(invalidValue(field, '', "claim and expression can't both be set"))
      return undefined
    }
    return expression === '' ? undefined : this.#compile(expression, `${field}.expression`, this.#language.compileClaims)
  }

  #extra(mappings: NonNullable<ClaimMappings['extra']>, path: string): { readonly key: string; readonly program: Program }[] {
    const compiled: { readonly key: string; readonly program: Program }[] = []
    const seen = new Set<string>()
    for (const [index, { key = '', valueExpression = '' }] of mappings.entries()) {
      const field = `${path}[${index}]`
      this.errors.push(...keyErrors(key, `${field}.key`))
      if (seen.has(key)) this.errors.push(duplicateValue(`${field}.key`, key))
      else if (valueExpression === '') this.errors.push(required(`${field}.valueExpression`))
      else {
        const program = this.#compile(valueExpression, `${field}.valueExpression`, this.#language.compileClaims)
        if (program !== undefined) compiled.push({ key, program })
      }
      seen.add(key)
    }
    return compiled
  }

  #compile(expression: string, field: string, compile: (expression: string) => Program): Program | undefined {
    try {
      return compile(expression)
    } catch (error) {
      this.errors.push(invalidValue(field, expression, (error as Error).message))
      return undefined
    }
  }
}

function* keyErrors(key: string, field: string): Iterable<FieldError> {
  const slash = key.indexOf('/')
  const [host, path] = [key.slice(0, Math.max(slash, 0)), key.slice(slash + 1)]
  if (key === '') yield required(field)
  else if (host === '' || path === '') yield invalidValue(field, key, 'must be a domain-prefixed path (such as "acme.io/foo")')
  else {
    for (const problem of subdomainName(host)) yield invalidValue(field, host, problem)
    if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path))
      yield invalidValue(
        field,
        path,
        "Invalid path: a valid path must consist of alphanumeric characters, '-', '.', '_', '~' or '/'",
      )
  }
  if (key !== key.toLowerCase()) yield invalidValue(field, key, 'must be lowercase')
  if (/(^|\.)(kubernetes|k8s)\.io$/.test(host))
    yield invalidValue(field, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use')
}
