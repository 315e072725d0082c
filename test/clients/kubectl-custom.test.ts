import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { startCluster } from '#cluster'
import { Home } from '../behavior/home.ts'

const run = promisify(execFile)
const DEFINITION = join(import.meta.dirname, 'gadgets.yaml')
const gadget = (name: string, spec: object, metadata: object = {}): object => ({
  apiVersion: 'shop.example.com/v1',
  kind: 'Gadget',
  metadata: { name, ...metadata },
  spec,
})
const FULL = {
  color: 'red',
  replicas: 3,
  port: 'http',
  tags: ['x'],
  free: { any: { thing: 1 } },
  ports: [{ name: 'web', number: 80 }],
}
/** Cells of a table, without its header. */
const rows = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/))

/** A cluster of its own, in which kubectl knows gadgets. */
async function withGadgets(body: (home: Home) => Promise<void>): Promise<void> {
  await using cluster = await startCluster({ nodes: 0 })
  using home = new Home(cluster)
  await home.kubectl('apply', '-f', DEFINITION)
  await home.kubectl('wait', '--for=condition=Established', 'crd/gadgets.shop.example.com', '--timeout=20s')
  await body(home)
}

test('kubectl shows custom objects by all their names, in all their columns', () =>
  withGadgets(async (home) => {
    await home.kubectl(
      'apply',
      '-f',
      home.manifest('one', gadget('one', FULL)),
      '-f',
      home.manifest('two', gadget('two', { color: 'blue' })),
    )
    for (const word of ['gd', 'gadget', 'gadgets.v1.shop.example.com', 'shop'])
      assert.deepEqual(
        rows(await home.kubectl('get', word)).map((row) => row.slice(0, 3)),
        [
          ['one', 'red', '3'],
          ['two', 'blue', '1'],
        ],
        word,
      )
    assert.deepEqual(rows(await home.kubectl('get', 'gd', '-o', 'wide')), [
      ['one', 'red', 'medium', '3'],
      ['two', 'blue', 'medium', '1'],
    ])
    assert.match(await home.kubectl('get', 'all'), /gadget.shop.example.com\/one/)
    assert.deepEqual(
      rows(await home.kubectl('get', 'gd', '--field-selector=spec.color=red')).map(([name]) => name),
      ['one'],
    )
    assert.match(await home.refused(1, 'get', 'gd', '--field-selector=spec.size=a'), /field label not supported: spec.size/)
    const { stderr } = await run('kubectl', ['get', 'gadgets.v1beta1.shop.example.com'], { env: home.environment })
    assert.match(stderr, /Warning: shop.example.com\/v1beta1 Gadget is deprecated/)
  }))

test('kubectl explains custom kinds, each version by its own schema', () =>
  withGadgets(async (home) => {
    const told = await home.kubectl('explain', 'gadget')
    for (const words of ['Gadget is a thing in a shop.', 'What is wanted.', "Standard object's metadata."])
      assert.ok(told.includes(words), told)
    const all = await home.kubectl('explain', 'gd', '--recursive')
    for (const line of [
      /^ {2}spec\t<Object> -required-$/m,
      /^ {4}ports\t<\[\]Object>$/m,
      /^ {6}number\t<integer> -required-$/m,
      /ownerReferences/,
    ])
      assert.match(all, line)
    assert.match(await home.kubectl('explain', 'gd.spec.color'), /Its colour\./)
    const old = await home.kubectl('explain', 'gadget.spec', '--api-version=shop.example.com/v1beta1', '--recursive')
    assert.match(old, /VERSION:\s+v1beta1/)
    assert.doesNotMatch(old, /replicas/)
  }))

test('kubectl applies, diffs, edits, patches, scales, awaits and deletes custom objects', () =>
  withGadgets(async (home) => {
    const field = (path: string): Promise<string> => home.kubectl('get', 'gd', 'one', '-o', `jsonpath={${path}}`)
    await home.kubectl('apply', '-f', home.manifest('one', gadget('one', FULL)))
    const next = home.manifest(
      'one',
      gadget('one', { ...FULL, port: undefined, replicas: 4, ports: [{ name: 'tls', number: 443 }] }),
    )
    assert.match(await home.refused(1, 'diff', '-f', next), /-\s+replicas: 3\n\+\s+replicas: 4/)
    assert.match(await home.kubectl('apply', '--dry-run=server', '-f', next), /configured \(server dry run\)/)
    assert.equal(await field('.spec.replicas'), '3')
    // The second apply is a merge patch: what is no longer listed goes, and lists are replaced.
    assert.match(await home.kubectl('apply', '-f', next), /configured/)
    assert.deepEqual(
      [await field('.spec.replicas'), await field('.spec.port'), await field('.spec.ports[*].name')],
      ['4', '', 'tls'],
    )
    home.environment['KUBE_EDITOR'] = 'sed -i s/red/green/'
    assert.match(await home.kubectl('edit', 'gd', 'one'), /edited/)
    await home.kubectl('patch', 'gd', 'one', '--type=merge', '-p', '{"spec":{"size":"large","replicas":null}}')
    await home.kubectl(
      'patch',
      'gd',
      'one',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/spec/size","value":"large"},{"op":"remove","path":"/spec/tags"}]',
    )
    assert.deepEqual([await field('.spec.color'), await field('.spec.replicas'), await field('.spec.tags')], ['green', '1', ''])
    assert.match(await home.refused(1, 'patch', 'gd', 'one', '-p', '{}'), /strategic-merge-patch\+json is not supported/)
    await home.kubectl('scale', 'gd/one', '--replicas=7')
    assert.equal(await field('.spec.replicas'), '7')
    const status = { replicas: 7, selector: 'a=b', conditions: [{ type: 'Ready', status: 'True' }] }
    await home.kubectl(
      'patch',
      'gd',
      'one',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { color: 'red' }, status }),
    )
    await home.kubectl('wait', 'gd/one', '--for=jsonpath={.status.replicas}=7', '--timeout=20s')
    await home.kubectl('wait', 'gd/one', '--for=condition=Ready', '--timeout=20s')
    assert.deepEqual(rows(await home.kubectl('get', 'gd'))[0], ['one', 'green', '7', 'True'])
    assert.match(await home.kubectl('get', 'gd', 'one', '--subresource=scale', '-o', 'yaml'), /selector: a=b/)
    await home.kubectl('delete', 'gd', '--all')
    assert.match(await home.refused(1, 'get', 'gd', 'one'), /gadgets.shop.example.com "one" not found/)
  }))

test('kubectl applies custom objects on the server side, with conflicts by path', () =>
  withGadgets(async (home) => {
    const apply = (manager: string, spec: object): string[] => [
      'apply',
      '--server-side',
      `--field-manager=${manager}`,
      '-f',
      home.manifest(manager, gadget('one', spec)),
    ]
    await home.kubectl(...apply('first', FULL))
    const other = apply('second', {
      color: 'green',
      ports: [
        { name: 'web', number: 81 },
        { name: 'tls', number: 443 },
      ],
      tags: ['y'],
    })
    const conflict = await home.refused(1, ...other)
    assert.match(
      conflict,
      /Apply failed with 2 conflicts: conflicts with "first":\n- \.spec\.color\n- \.spec\.ports\[name="web"\]\.number/,
    )
    await home.kubectl(...other, '--force-conflicts')
    const spec = JSON.parse(await home.kubectl('get', 'gd', 'one', '-o', 'jsonpath={.spec}')) as object
    const ports = [
      { name: 'web', number: 81, protocol: 'TCP' },
      { name: 'tls', number: 443, protocol: 'TCP' },
    ]
    assert.deepEqual(spec, { ...FULL, color: 'green', tags: ['x', 'y'], ports, size: 'medium', minReplicas: 0 })
    // What an applier lists no longer goes, unless another lists it too.
    await home.kubectl(...apply('second', { color: 'green', ports: [{ name: 'web', number: 81 }] }))
    assert.equal(await home.kubectl('get', 'gd', 'one', '-o', 'jsonpath={.spec.tags} {.spec.ports[*].name}'), '["x"] web')
  }))

test('kubectl shows why custom objects are refused', () =>
  withGadgets(async (home) => {
    const create = (spec: object, ...words: string[]): string[] => [
      'create',
      ...words,
      '-f',
      home.manifest('bad', gadget('bad', spec)),
    ]
    const said = await home.refused(1, ...create({ size: 'BIG', replicas: 101, tags: ['x', 'x'] }))
    for (const line of [
      'spec.color: Required value',
      `spec.size: Invalid value: "BIG": spec.size in body should match '^[a-z]+$'`,
      'spec.replicas: Invalid value: 101: spec.replicas in body should be less than or equal to 100',
      'spec.tags[1]: Duplicate value: "x"',
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ])
      assert.ok(said.includes(line), said)
    assert.match(
      await home.refused(1, ...create({ color: 'red', minReplicas: 2 })),
      /spec.replicas: Invalid value: several replicas$/m,
    )
    const unknown = { color: 'red', bogus: 1, free: { x: 1 } }
    assert.match(await home.refused(1, ...create(unknown)), /strict decoding error: unknown field "spec.bogus"/)
    await home.kubectl(...create(unknown, '--validate=ignore'))
    assert.equal(await home.kubectl('get', 'gd', 'bad', '-o', 'jsonpath={.spec.bogus}{.spec.free}'), '{"x":1}')
    await home.kubectl('patch', 'gd', 'bad', '--type=merge', '-p', '{"spec":{"locked":true}}')
    assert.match(
      await home.refused(1, 'patch', 'gd', 'bad', '--type=merge', '-p', '{"spec":{"color":"blue"}}'),
      /spec: Forbidden: color is locked/,
    )
  }))

test('kubectl finds no version that is served no longer', () =>
  withGadgets(async (home) => {
    await home.kubectl('create', '-f', home.manifest('one', gadget('one', { color: 'red' })))
    await home.kubectl(
      'patch',
      'crd',
      'gadgets.shop.example.com',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/versions/1/served","value":false}]',
    )
    assert.match(
      await home.refused(1, 'get', '--raw', '/apis/shop.example.com/v1beta1/gadgets'),
      /could not find the requested resource/,
    )
    const { versions } = JSON.parse(await home.kubectl('get', '--raw', '/apis/shop.example.com')) as {
      versions: { version: string }[]
    }
    assert.deepEqual(
      versions.map(({ version }) => version),
      ['v1'],
    )
    assert.deepEqual(
      rows(await home.kubectl('get', 'gd')).map(([name]) => name),
      ['one'],
    )
    await home.kubectl('delete', '-f', DEFINITION)
    assert.match(
      await home.refused(1, 'get', '--raw', '/apis/shop.example.com/v1/gadgets'),
      /could not find the requested resource/,
    )
  }))

test('kubectl reads everything that discovery names, and explains a kind of each group', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  using home = new Home(cluster)
  const names = async (...words: string[]): Promise<string[]> =>
    (await home.kubectl('api-resources', '-o', 'name', ...words)).trim().split('\n')
  const listed = await names('--verbs=list')
  assert.ok(listed.length > 50)
  const all = JSON.parse(await home.kubectl('get', listed.join(), '-A', '-o', 'json')) as { items: { kind: string }[] }
  for (const kind of ['Node', 'Namespace', 'APIService', 'FlowSchema', 'ComponentStatus', 'Lease', 'ServiceCIDR'])
    assert.ok(
      all.items.some((item) => item.kind === kind),
      kind,
    )
  await home.proxying(['--port=0'], async (line) => {
    const [address] = /127\.0\.0\.1:\d+/.exec(line)!
    const document = async (path: string): Promise<object> => (await fetch(`http://${address}${path}`)).json() as Promise<object>
    const { groups } = (await document('/apis')) as { groups: { name: string; versions: { groupVersion: string }[] }[] }
    const openApi = (await document('/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> }
    const paths = [
      ...['/api', '/api/v1', '/version', '/openapi/v2', '/openid/v1/jwks', '/.well-known/openid-configuration'],
      ...groups.flatMap(({ name, versions }) => [
        `/apis/${name}`,
        ...versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
      ]),
      ...Object.values(openApi.paths).map((each) => each.serverRelativeURL),
    ]
    for (const path of paths) {
      const { kind } = (await document(path)) as { kind?: string }
      assert.notEqual(kind, 'Status', path)
    }
  })
  // One kind of each group, since each takes kubectl a fifth of a second.
  const ofGroups = new Map((await names()).map((name) => [name.split('.').slice(1).join('.'), name]))
  for (const name of ofGroups.values()) {
    // kubectl takes this one for a field of the core group's events.
    if (name === 'events.events.k8s.io') continue
    assert.match(await home.kubectl('explain', name, '--recursive'), /\nFIELDS:\n {2}\S/, name)
  }
})
