import assert from 'node:assert/strict'
import test from 'node:test'
import { parseEncryptionConfiguration } from './configuration.ts'

const KEY = Buffer.alloc(32).toString('base64')

const parse = (text: string, reload = false) => parseEncryptionConfiguration(Buffer.from(text), '/etc/e.yaml', reload)

const file = (resources: unknown): string =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources })

const secretsWith = (...providers: unknown[]): string => file([{ resources: ['secrets'], providers }])
const named = (...resources: string[]): string => file([{ resources, providers: [{ identity: {} }] }])
const kms = (fields: object): string =>
  secretsWith({ kms: { apiVersion: 'v2', name: 'k', endpoint: 'unix:///run/k.sock', ...fields } })

test('a file as the documentation has it is read, and what is missing completed', async () => {
  const configuration = await parse(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets, configmaps, pandas.awesome.bears.example]
    providers:
      - secretbox:
          keys:
            - name: key1
              secret: ${KEY}
      - kms:
          apiVersion: v2
          name: myKmsPlugin
          endpoint: unix:///tmp/socketfile.sock
      - identity: {}
`)
  const kmsProvider = {
    apiVersion: 'v2',
    name: 'myKmsPlugin',
    endpoint: 'unix:///tmp/socketfile.sock',
    timeoutMs: 3000,
    cachesize: undefined,
  }
  assert.deepEqual(configuration.resources, [
    {
      resources: ['secrets', 'configmaps', 'pandas.awesome.bears.example'],
      providers: [{ secretbox: { keys: [{ name: 'key1', secret: KEY }] } }, { kms: kmsProvider }, { identity: {} }],
    },
  ])
})

const DECODING = 'error decoding encryption provider configuration file "/etc/e.yaml": '
const SECRET = 'resources[0].providers[0].aescbc.keys[0].secret'

/** Upstream's words for what is wrong. */
const REFUSED: readonly (readonly [what: string, text: string, message: string])[] = [
  ['nothing', '', 'encryption provider configuration file "/etc/e.yaml" is empty'],
  ['another kind', 'apiVersion: v1\nkind: Pod', `${DECODING}no kind "Pod" is registered for version "v1"`],
  [
    'an unknown field',
    file([{ resources: ['secrets'], providers: [{ identity: {} }], provider: [] }]),
    `${DECODING}strict decoding error: unknown field "resources[0].provider"`,
  ],
  ['no rules', file([]), 'resources: Required value: at least one resources is required'],
  [
    'a rule of nothing',
    file([{}]),
    '[resources[0].resources: Required value: at least one resources[0].resources is required, resources[0].providers: Required value: at least one resources[0].providers is required]',
  ],
  [
    'no provider',
    secretsWith({}),
    'resources[0].providers[0]: Invalid value: []: provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity',
  ],
  [
    'two providers in one',
    secretsWith({ identity: {}, aescbc: { keys: [{ name: 'a', secret: KEY }] } }),
    'resources[0].providers[0]: Invalid value: ["aescbc","identity"]: more than one provider specified in a single element, should split into different list elements',
  ],
  [
    'no keys',
    secretsWith({ aesgcm: { keys: [] } }),
    'resources[0].providers[0].aesgcm.keys: Required value: at least one keys is required',
  ],
  [
    'a key without name',
    secretsWith({ aescbc: { keys: [{ secret: KEY }] } }),
    'resources[0].providers[0].aescbc.keys[0].name: Required value: name is a mandatory field for a key',
  ],
  [
    'a key without secret',
    secretsWith({ aescbc: { keys: [{ name: 'a' }] } }),
    `${SECRET}: Required value: secret is a mandatory field for a key`,
  ],
  [
    'a secret that is no base64',
    secretsWith({ aescbc: { keys: [{ name: 'a', secret: '!' }] } }),
    `${SECRET}: Invalid value: "REDACTED": secrets must be base64 encoded`,
  ],
  [
    'a short key',
    secretsWith({ aescbc: { keys: [{ name: 'a', secret: 'AAAA' }] } }),
    `${SECRET}: Invalid value: "REDACTED": secret is not of the expected length, got 3, expected one of [16 24 32]`,
  ],
  [
    'a key of AES for secretbox',
    secretsWith({ secretbox: { keys: [{ name: 'a', secret: Buffer.alloc(16).toString('base64') }] } }),
    'resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 16, expected one of [32]',
  ],
  [
    'the same twice',
    named('secrets', 'secrets'),
    'resources[0].resources: Invalid value: ["secrets","secrets"]: the same resource cannot be specified multiple times',
  ],
  [
    'an overlap',
    named('secrets', '*.'),
    `resources[0].resources: Invalid value: ["secrets","*."]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
  ],
  [
    'capitals',
    named('Secrets'),
    'resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters',
  ],
  [
    'a star alone',
    named('*'),
    `resources[0].resources[0]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources`,
  ],
  [
    'a resource of all groups',
    named('jobs.*'),
    'resources[0].resources[0]: Invalid value: "jobs.*": encrypting the same resource across groups is not supported',
  ],
  [
    'what is no API',
    named('serviceipallocations'),
    'resources[0].resources[0]: Invalid value: "serviceipallocations": resources which do not have REST API/s cannot be encrypted',
  ],
  [
    'events by their other group',
    named('events.events.k8s.io'),
    `resources[0].resources[0]: Invalid value: "events.events.k8s.io": '*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file`,
  ],
  [
    'a group that is gone',
    named('ingresses.extensions'),
    `resources[0].resources[0]: Invalid value: "ingresses.extensions": 'extensions' group has been removed and cannot be used for encryption`,
  ],
  [
    'a KMS without name',
    kms({ name: '' }),
    'resources[0].providers[0].kms.name: Required value: name is a mandatory field for a provider',
  ],
  [
    'a KMS name with a colon',
    kms({ name: 'a:b' }),
    `resources[0].providers[0].kms.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`,
  ],
  [
    'no time for KMS',
    kms({ timeout: '0s' }),
    'resources[0].providers[0].kms.timeout: Invalid value: "0s": timeout should be a positive value',
  ],
  [
    'KMS over TCP',
    kms({ endpoint: 'tcp://localhost:80' }),
    'resources[0].providers[0].kms.endpoint: Invalid value: "tcp://localhost:80": unsupported scheme "tcp" for KMS provider, only unix is supported',
  ],
  [
    'a KMS nowhere',
    kms({ endpoint: '' }),
    'resources[0].providers[0].kms.endpoint: Invalid value: "": endpoint is a mandatory field for a kms',
  ],
  [
    'a cache size for KMS v2',
    kms({ cachesize: 10 }),
    'resources[0].providers[0].kms.cachesize: Invalid value: 10: cachesize is not supported in v2',
  ],
  [
    'a KMS of the future',
    kms({ apiVersion: 'v3' }),
    'resources[0].providers[0].kms.apiVersion: Invalid value: "v3": unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported',
  ],
]

for (const [what, text, message] of REFUSED) {
  test(`an encryption configuration with ${what} is refused`, async () => {
    await assert.rejects(parse(text), { message })
  })
}

test('two KMS providers of one name are refused', async () => {
  const provider = { kms: { apiVersion: 'v2', name: 'k', endpoint: 'unix:///run/k.sock' } }
  await assert.rejects(parse(secretsWith(provider, provider)), {
    message: 'resources[0].providers[1].kms.name: Invalid value: "k": duplicate KMS provider name k, names must be unique',
  })
})
