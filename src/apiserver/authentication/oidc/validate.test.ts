import assert from 'node:assert/strict'
import test from 'node:test'
import { type JwtConfiguration, readAuthenticationConfiguration } from './configuration.ts'
import { claimLanguage } from './expressions.ts'
import { checkConfiguration } from './validate.ts'

const issuer = { url: 'https://issuer.example', audiences: ['a'] }
const username = { claim: 'sub', prefix: '' }
const good: JwtConfiguration = { issuer, claimMappings: { username } }

type Case = readonly [jwt: readonly JwtConfiguration[], errors: readonly string[]]
const ofIssuer = (more: object): JwtConfiguration => ({ ...good, issuer: { ...issuer, ...more } })
const mapped = (more: object, rules: JwtConfiguration['claimValidationRules'] = []): JwtConfiguration => ({
  ...good,
  claimMappings: { username, ...more },
  claimValidationRules: rules,
})
const EMAIL_RULE =
  'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression'

const CASES: Readonly<Record<string, Case>> = {
  'a good one': [[good], []],
  none: [[], []],
  'too many': [Array.from({ length: 65 }, () => good), ['jwt: Too many: 65: must have at most 64 items']],
  'the same issuer twice': [[good, good], ['jwt[1].issuer.url: Duplicate value: "https://issuer.example"']],
  'the same discovery document twice': [
    ['a', 'b'].map((name) => ofIssuer({ url: `https://${name}.example`, discoveryURL: 'https://c.example' })),
    ['jwt[1].issuer.discoveryURL: Duplicate value: "https://c.example"'],
  ],
  'an issuer without a name': [[ofIssuer({ url: '' })], ['jwt[0].issuer.url: Required value']],
  'this server itself': [
    [ofIssuer({ url: 'https://own.example' })],
    [
      'jwt[0].issuer.url: Invalid value: "https://own.example": URL must not overlap with disallowed issuers: [https://own.example]',
    ],
  ],
  'an address that is none': [
    [ofIssuer({ url: 'http://u:p@issuer.example?q#f', discoveryURL: 'issuer' })],
    [
      'jwt[0].issuer.url: Invalid value: "http://u:p@issuer.example?q#f": URL scheme must be https',
      'jwt[0].issuer.url: Invalid value: "http://u:p@issuer.example?q#f": URL must not contain a username or password',
      'jwt[0].issuer.url: Invalid value: "http://u:p@issuer.example?q#f": URL must not contain a query',
      'jwt[0].issuer.url: Invalid value: "http://u:p@issuer.example?q#f": URL must not contain a fragment',
      'jwt[0].issuer.discoveryURL: Invalid value: "issuer": URL scheme must be https',
    ],
  ],
  'a discovery document at the issuer': [
    [ofIssuer({ discoveryURL: 'https://issuer.example/' })],
    ['jwt[0].issuer.discoveryURL: Invalid value: "https://issuer.example/": discoveryURL must be different from URL'],
  ],
  'no audience': [
    [ofIssuer({ audiences: [] })],
    ['jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required'],
  ],
  'odd audiences': [
    [ofIssuer({ audiences: ['a', '', 'a'] })],
    [
      'jwt[0].issuer.audiences[1]: Required value',
      'jwt[0].issuer.audiences[2]: Duplicate value: "a"',
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
    ],
  ],
  'a policy for one audience': [
    [ofIssuer({ audienceMatchPolicy: 'MatchAll' })],
    [
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "MatchAll": audienceMatchPolicy must be empty or MatchAny for single audience',
    ],
  ],
  'an authority that is none': [
    [ofIssuer({ certificateAuthority: 'x' })],
    ['jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates'],
  ],
  'claim rules': [
    [
      mapped({}, [
        {},
        { claim: 'a', expression: 'true' },
        { claim: 'a', message: 'm' },
        { claim: 'a' },
        { expression: 'true', requiredValue: 'x' },
        { expression: 'true' },
        { expression: 'claims.hd' },
        { expression: 'user.name == ""' },
      ]),
    ],
    [
      'jwt[0].claimValidationRules[0]: Required value: claim or expression is required',
      'jwt[0].claimValidationRules[1]: Invalid value: "a": claim and expression can\'t both be set',
      'jwt[0].claimValidationRules[2].message: Invalid value: "m": may not be specified when claim is set',
      'jwt[0].claimValidationRules[3].claim: Duplicate value: "a"',
      'jwt[0].claimValidationRules[4].requiredValue: Invalid value: "x": may not be specified when expression is set',
      'jwt[0].claimValidationRules[5].expression: Duplicate value: "true"',
      'jwt[0].claimValidationRules[6].expression: Invalid value: "claims.hd": must evaluate to bool',
      'jwt[0].claimValidationRules[7].expression: Invalid value: "user.name == \\"\\"": compilation failed: …',
    ],
  ],
  'no user name': [
    [{ ...good, claimMappings: {} }],
    ['jwt[0].claimMappings.username: Required value: claim or expression is required'],
  ],
  'a claim without a prefix': [
    [mapped({ username: { claim: 'sub' }, groups: { claim: 'groups' } })],
    [
      'jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing',
      'jwt[0].claimMappings.groups.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing',
    ],
  ],
  'a claim and an expression': [
    [
      mapped({
        username: { claim: 'a', expression: 'claims.a' },
        groups: { expression: 'claims.a', prefix: 'p' },
        uid: { claim: 'a', expression: 'claims.a' },
      }),
    ],
    [
      'jwt[0].claimMappings.username: Invalid value: "": claim and expression can\'t both be set',
      'jwt[0].claimMappings.groups.prefix: Invalid value: "p": may not be specified when expression is set',
      'jwt[0].claimMappings.uid: Invalid value: "": claim and expression can\'t both be set',
    ],
  ],
  'an address that nobody verified': [
    [mapped({ username: { expression: '"x:" + claims.email' } })],
    [`jwt[0].claimMappings.username.expression: Invalid value: "\\"x:\\" + claims.email": ${EMAIL_RULE}`],
  ],
  'an address that is verified in the expression, in a rule or in an extra': [
    [
      mapped({ username: { expression: 'claims.?email_verified.orValue(true) ? claims.email : ""' } }),
      {
        ...mapped({ username: { expression: 'claims.email' } }, [{ expression: 'claims.email_verified == true' }]),
        issuer: { ...issuer, url: 'https://b.example' },
      },
      {
        ...mapped({
          username: { expression: 'claims.?email.orValue("")' },
          extra: [{ key: 'acme.io/verified', valueExpression: 'string(claims.email_verified)' }],
        }),
        issuer: { ...issuer, url: 'https://c.example' },
      },
    ],
    [],
  ],
  'keys of extra': [
    [
      mapped({
        extra: [
          { key: '', valueExpression: 'claims.a' },
          { key: 'a', valueExpression: 'claims.a' },
          { key: 'Acme.io/a', valueExpression: 'claims.a' },
          { key: 'x.k8s.io/a', valueExpression: 'claims.a' },
          { key: 'acme.io/b', valueExpression: '' },
          { key: 'acme.io/b', valueExpression: 'claims.a' },
          { key: 'acme.io/ c', valueExpression: 'claims.a' },
        ],
      }),
    ],
    [
      'jwt[0].claimMappings.extra[0].key: Required value',
      'jwt[0].claimMappings.extra[1].key: Invalid value: "a": must be a domain-prefixed path (such as "acme.io/foo")',
      'jwt[0].claimMappings.extra[2].key: Invalid value: "Acme.io": a lowercase RFC 1123 subdomain must consist of…',
      'jwt[0].claimMappings.extra[2].key: Invalid value: "Acme.io/a": must be lowercase',
      'jwt[0].claimMappings.extra[3].key: Invalid value: "x.k8s.io/a": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
      'jwt[0].claimMappings.extra[4].valueExpression: Required value',
      'jwt[0].claimMappings.extra[5].key: Duplicate value: "acme.io/b"',
      'jwt[0].claimMappings.extra[6].key: Invalid value: " c": Invalid path: …',
    ],
  ],
  'user rules': [
    [
      {
        ...good,
        userValidationRules: [
          {},
          { expression: 'user.username != ""' },
          { expression: 'user.username != ""' },
          { expression: 'user.groups.all(g, !g.startsWith("system:"))' },
          { expression: 'user.extra["a"].size() < 2 && user.uid != "0"' },
          { expression: 'user.name == "x"' },
          { expression: 'user.username' },
        ],
      },
    ],
    [
      'jwt[0].userValidationRules[0].expression: Required value',
      'jwt[0].userValidationRules[2].expression: Duplicate value: "user.username != \\"\\""',
      'jwt[0].userValidationRules[5].expression: Invalid value: "user.name == \\"x\\"": compilation failed: …',
      'jwt[0].userValidationRules[6].expression: Invalid value: "user.username": must evaluate to bool',
    ],
  ],
}

test('what is wrong with a configuration is told at the field where it is wrong', async (context) => {
  const language = await claimLanguage()
  for (const [name, [jwt, expected]] of Object.entries(CASES))
    await context.test(name, () => {
      const { errors } = checkConfiguration({ jwt }, ['https://own.example'], language)
      const told = errors.map(({ field, message }, index) => {
        const text = `${field}: ${message}`
        const start = expected[index]?.split('…')[0] ?? ''
        return expected[index]?.endsWith('…') && text.startsWith(start) ? expected[index] : text
      })
      assert.deepEqual(told, expected)
    })
})

test('conditions of anonymous requests make sense only where there are any', async () => {
  const anonymous = { enabled: false, conditions: [{ path: '/livez' }] }
  const { errors } = checkConfiguration({ jwt: [], anonymous }, [], await claimLanguage())
  assert.deepEqual(
    errors.map(({ field, message }) => `${field}: ${message}`),
    ['anonymous.conditions: Invalid value: [{"path":"/livez"}]: enabled should be set to true when conditions are defined'],
  )
})

const HEAD = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n'

test('a file that is no configuration is refused, strictly', async () => {
  const refused: Readonly<Record<string, RegExp>> = {
    '': /empty config data/,
    'a: b': /Object 'Kind' is missing/,
    'kind: AuthenticationConfiguration': /expected AuthenticationConfiguration in apiserver\.config\.k8s\.io\/v1/,
    'apiVersion: v1\nkind: Pod': /but got kind "Pod" in version "v1"/,
    [`${HEAD}jwt: [{issuer: {url: 7}}]`]: /strict decoding error: .*jwt\.issuer\.url of type string/,
    [`${HEAD}jwt: [{issuers: {}}]\nusers: []`]: /strict decoding error: unknown field "jwt\[0\]\.issuers", unknown field "users"/,
  }
  for (const [text, message] of Object.entries(refused)) await assert.rejects(readAuthenticationConfiguration(text), message)
  assert.deepEqual(await readAuthenticationConfiguration(`${HEAD}anonymous: {}\njwt: [{}]`), {
    jwt: [{ issuer: {}, claimMappings: {} }],
    anonymous: { enabled: false },
  })
})
